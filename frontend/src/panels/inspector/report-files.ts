/** Reports from a file or the clipboard: a request of the service as JSON, or a table as CSV. */
import type { CellMeasurement, LocateRequest, Report } from '../../api/types';
import { QUANTITY_KEYS } from '../../format/quantities';

export class ReportFileError extends Error {}

function split(line: string): string[] {
  return (line.match(/("([^"]|"")*"|[^,;\t]*)([,;\t]|$)/g) ?? [])
    .map((field) => field.replace(/[,;\t]$/, '').trim())
    .map((field) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field));
}

function numberOf(text: string, line: number, column: string): number {
  const value = Number(text);
  if (!Number.isFinite(value))
    throw new ReportFileError(`line ${line}, ${column}: “${text}” is not a number`);
  return value;
}

function fromCsv(text: string): Report[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const columns = split(lines[0] ?? '').map((name) => name.toLowerCase());
  const cellAt = columns.indexOf('cell_id');
  const timeAt = columns.indexOf('time');
  const known = QUANTITY_KEYS.filter((key) => columns.includes(key));
  if (cellAt < 0) throw new ReportFileError('the first line needs a column “cell_id”');
  if (known.length === 0)
    throw new ReportFileError(`the first line names no quantity, such as ${QUANTITY_KEYS[0]}`);
  const reports = new Map<string, CellMeasurement[]>();
  lines.slice(1).forEach((text_line, i) => {
    const fields = split(text_line);
    const cell: CellMeasurement = { cell_id: fields[cellAt] ?? '' };
    for (const key of known) {
      const field = fields[columns.indexOf(key)] ?? '';
      if (field !== '') cell[key] = numberOf(field, i + 2, key);
    }
    const time = timeAt < 0 ? '0' : (fields[timeAt] ?? '0');
    reports.set(time, [...(reports.get(time) ?? []), cell]);
  });
  return [...reports].map(([time, cells]) => ({
    time: Number.isFinite(Number(time)) ? Number(time) : Date.parse(time) / 1000,
    cells,
  }));
}

function fromJson(text: string): Pick<LocateRequest, 'reports'> & { scene?: string | null } {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new ReportFileError(`not JSON: ${(error as Error).message}`);
  }
  if (Array.isArray(document)) return { reports: document as Report[] };
  const { reports, cells, scene } = document as Partial<LocateRequest> & Partial<Report>;
  if (Array.isArray(reports)) return { reports, scene: scene ?? null };
  if (Array.isArray(cells)) return { reports: [document as Report] };
  throw new ReportFileError('a list of reports, or an object with “reports”, is expected');
}

/** The request of a text, without who sent it: the answer is not part of the live feed. */
export function requestOf(text: string, scene: string): LocateRequest {
  const trimmed = text.trim();
  if (trimmed === '') throw new ReportFileError('there is nothing in it');
  const found = /^[[{]/.test(trimmed) ? fromJson(trimmed) : { reports: fromCsv(trimmed) };
  if (found.reports.length === 0) throw new ReportFileError('it holds no report');
  return { reports: found.reports, scene: found.scene ?? scene, include: [], refine: {} };
}

/** The reports without some cells and quantities; a report that loses all its cells goes too. */
export function without(
  reports: readonly Report[],
  cells: ReadonlySet<string>,
  quantities: ReadonlySet<string>,
): Report[] {
  return reports
    .map((report) => ({
      ...report,
      cells: report.cells
        .filter((cell) => !cells.has(cell.cell_id))
        .map(
          (cell) =>
            Object.fromEntries(
              Object.entries(cell).filter(
                ([key, value]) => !quantities.has(key) && value !== null && value !== undefined,
              ),
            ) as CellMeasurement,
        ),
    }))
    .filter((report) => report.cells.length > 0);
}
