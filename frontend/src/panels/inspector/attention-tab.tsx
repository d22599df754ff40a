import { useMemo } from 'react';
import type { AttentionDetail } from '../../api/types';
import { blendAttention } from '../../colour/attention-blend';
import { weightColour } from '../../colour/ramps';
import { percent } from '../../format/format';
import { highlights } from '../../ui/highlight-store';
import { CellName } from './cell-name';
import { useColourScheme } from '../../ui/use-colour-scheme';
import { useUrlState } from '../../url/use-url-state';
import { tokenTable } from './token-table';

interface Props {
  attention: AttentionDetail | undefined;
  error: Error | null;
}

/** Layers and heads of the two attentions need not match: one that is not there is blended. */
function within(index: number | null, count: number): number | null {
  return index !== null && index < count ? index : null;
}

/** Which measurements the model leaned on: cells by reports. */
export function AttentionTab({ attention, error }: Props) {
  const scheme = useColourScheme();
  const layer = useUrlState((state) => state.layer);
  const head = useUrlState((state) => state.head);
  const table = useMemo(() => {
    if (!attention) return null;
    const all = attention.token_attention;
    const weights = blendAttention(
      all,
      within(layer, all.length),
      within(head, all[0]?.length ?? 0),
    );
    return tokenTable(attention.tokens, weights);
  }, [attention, layer, head]);

  if (error) return <p className="inspector-error">Attention cannot be read: {error.message}</p>;
  if (!table) return <p className="muted">Reading the attention…</p>;
  return (
    <>
      <h3 className="first">
        Measurements{' '}
        <span className="muted">
          share of attention per cell{table.reports.length > 1 && ' and report'}
        </span>
      </h3>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="scroll-x" tabIndex={0} role="region" aria-label="Attention per measurement">
        <table className="measurements tokens">
          <thead>
            <tr>
              <th scope="col">Cell</th>
              {table.reports.map((report) => (
                <th key={report} scope="col" className="token-column">
                  {report + 1}
                </th>
              ))}
              <th scope="col">All</th>
            </tr>
          </thead>
          <tbody>
            {table.rows.map((row) => (
              <tr key={row.cell_id} {...highlights(row.cell_id)}>
                <th scope="row">
                  <CellName cell={row.cell_id} />
                </th>
                {row.weights.map((weight, i) => (
                  <td key={i} className="token-column">
                    {weight !== null && (
                      <span
                        className="token"
                        title={percent(weight, 1)}
                        style={{
                          background: `rgb(${weightColour(weight / (table.max || 1), scheme).join(' ')})`,
                        }}
                      />
                    )}
                  </td>
                ))}
                <td>{percent(row.total, 1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="muted">
        Attention over the map is drawn on the map itself. Layer and head are chosen above; both
        kinds sum to 100 %.
      </p>
    </>
  );
}
