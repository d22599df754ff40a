import { useMemo } from 'react';
import { metres, percent } from '../format/format';
import type { Shown } from '../live/shown-ues';
import { Plot } from '../ui/plot';
import { useUrlState } from '../url/use-url-state';
import { distribution, errors_m, quantile } from './error-quantiles';

const SHARES = [0.5, 0.67, 0.9, 0.95];
/** The plot ends here: the last few per cent would flatten the rest [share]. */
const SHOWN_SHARE = 0.97;

/** How far the fixes of the span were from where the phones were, as far as that is known. */
export function ErrorStatistics({ replay }: { replay: NonNullable<Shown['replay']> }) {
  const ue = useUrlState((state) => state.ue);
  const { tracks, loading } = replay;
  const errors = useMemo(() => (loading ? [] : errors_m(tracks, ue)), [tracks, loading, ue]);
  if (loading) return null;
  if (errors.length === 0) {
    return (
      <p className="muted">
        Nobody told where these phones really were: a feed that posts truth gets error statistics
        here.
      </p>
    );
  }
  return (
    <div className="error-statistics">
      <table>
        <caption className="visually-hidden">Error of {ue ?? 'all UEs'}</caption>
        <tbody>
          <tr>
            <th scope="row">{ue ?? `All ${tracks.length} UEs`}</th>
            {SHARES.map((share) => (
              <th key={share} scope="col">
                {share === 0.5 ? 'Median' : percent(share)}
              </th>
            ))}
          </tr>
          <tr>
            <th scope="row">Error, {errors.length} fixes</th>
            {SHARES.map((share) => (
              <td key={share}>{metres(quantile(errors, share))}</td>
            ))}
          </tr>
        </tbody>
      </table>
      <Plot
        label="Share of fixes within an error"
        height={64}
        x={{ unit: 'm', min: 0, max: Math.max(1, quantile(errors, SHOWN_SHARE) ?? 1) }}
        y={{ unit: '', min: 0, max: 1 }}
        series={[{ name: ue ?? 'all', points: distribution(errors) }]}
      />
    </div>
  );
}
