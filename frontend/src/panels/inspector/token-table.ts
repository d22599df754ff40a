import type { AttentionDetail } from '../../api/types';

export interface TokenTable {
  /** Report indices, oldest first. */
  reports: number[];
  rows: { cell_id: string; total: number; weights: (number | null)[] }[];
  max: number;
}

/** Token weights as cells (rows, heaviest first) by reports (columns); null where nothing was heard. */
export function tokenTable(
  tokens: AttentionDetail['tokens'],
  weights: readonly number[],
): TokenTable {
  const reports = [...new Set(tokens.map((token) => token.report))].sort((a, b) => a - b);
  const cells = [...new Set(tokens.map((token) => token.cell_id))];
  const rows = cells.map((cell_id) => {
    const byReport = reports.map((report) => {
      const at = tokens.findIndex((t) => t.cell_id === cell_id && t.report === report);
      return at < 0 ? null : (weights[at] ?? null);
    });
    return {
      cell_id,
      weights: byReport,
      total: byReport.reduce<number>((sum, weight) => sum + (weight ?? 0), 0),
    };
  });
  rows.sort((a, b) => b.total - a.total);
  const max = weights.reduce((largest, weight) => Math.max(largest, weight), 0);
  return { reports, rows, max };
}
