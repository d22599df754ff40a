import { useState, type DragEvent, type FormEvent } from 'react';
import { useLocate } from '../api/post-locate';
import { sentence } from '../format/format';
import { showOnMap } from '../ui/camera-store';
import { Dialog } from '../ui/dialog';
import { LOCATED } from '../url/url-state';
import { setUrlState } from '../url/use-url-state';
import { ReportFileError, requestOf } from './inspector/report-files';

const EXAMPLE = 'time,cell_id,rsrp_dbm,toa_ns\n0,MUC01-1,-81,420\n0,MUC02-3,-97,';

/** Reports pasted or dropped as JSON or CSV, located and explained. */
export function LocateDialog({ scene, onClose }: { scene: string; onClose: () => void }) {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const locate = useLocate();

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setProblem(null);
    try {
      const reply = await locate.mutateAsync(requestOf(text, scene));
      showOnMap([reply.fix.lon, reply.fix.lat]);
      setUrlState({ ue: LOCATED, fix: reply.fix_id, tab: 'fix', time: null }, 'push');
      onClose();
    } catch (error) {
      const { message } = error as Error;
      setProblem(
        sentence(
          error instanceof ReportFileError ? `The reports cannot be read: ${message}` : message,
        ),
      );
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file) void file.text().then(setText);
  };

  return (
    <Dialog title="Locate reports" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <p className="muted">
          Paste reports, or drop a file: a request of <code>/api/v1/locate</code> as JSON, or CSV
          with a line per cell. The answer is explained here and is not part of the live feed.
        </p>
        <textarea
          className="field reports-text"
          aria-label="Reports as JSON or CSV"
          rows={9}
          spellCheck={false}
          placeholder={EXAMPLE}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onDrop={drop}
          onDragOver={(event) => event.preventDefault()}
        />
        <div className="dialog-actions">
          <input
            type="file"
            aria-label="File of reports"
            accept=".json,.csv,application/json,text/csv"
            onChange={(event) => {
              const file = event.target.files?.[0];
              if (file) void file.text().then(setText);
            }}
          />
          <button type="submit" className="primary" disabled={locate.isPending}>
            Locate
          </button>
        </div>
        {problem !== null && (
          <p className="dialog-error" role="alert">
            {problem}
          </p>
        )}
      </form>
    </Dialog>
  );
}
