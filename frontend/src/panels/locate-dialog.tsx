import { useState, type DragEvent, type FormEvent } from 'react';
import { ServiceError } from '../api/client';
import { useLocate } from '../api/post-locate';
import { sentence } from '../format/format';
import type { Scene } from '../api/types';
import { showOnMap } from '../ui/camera-store';
import { Dialog } from '../ui/dialog';
import { LOCATED } from '../url/url-state';
import { setUrlState } from '../url/use-url-state';
import { ReportFileError, requestOf } from './inspector/report-files';

function exampleOf([first = 'CELL-1', , , second = first]: readonly string[]): string {
  return `time,cell_id,rsrp_dbm,toa_ns\n0,${first},-81,420\n0,${second},-97,`;
}

/** Which names the map knows, for who used others. */
function cellsText(cells: readonly string[]): string {
  const shown = cells.slice(0, 4).join(', ');
  return `The cells of this scene are called ${shown}${cells.length > 4 ? ' and so on' : ''}.`;
}

/** Reports pasted or dropped as JSON or CSV, located and explained. */
export function LocateDialog({ scene, onClose }: { scene: Scene; onClose: () => void }) {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const locate = useLocate();

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setProblem(null);
    try {
      const reply = await locate.mutateAsync(requestOf(text, scene.name));
      showOnMap([reply.fix.lon, reply.fix.lat]);
      setUrlState({ ue: LOCATED, fix: reply.fix_id, tab: 'fix', time: null }, 'push');
      onClose();
    } catch (error) {
      const { message } = error as Error;
      const unknown = error instanceof ServiceError && error.code === 'no_known_cells';
      const told = sentence(
        error instanceof ReportFileError ? `The reports cannot be read: ${message}` : message,
      );
      setProblem(unknown ? `${told} ${cellsText(scene.cells)}` : told);
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
          placeholder={exampleOf(scene.cells)}
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
