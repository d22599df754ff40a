import { setUrlState, urlState } from '../../url/use-url-state';

/** A cell in a table: its row is highlighted on the map while this has the focus. */
export function CellName({ cell }: { cell: string }) {
  const show = () =>
    setUrlState({ cell, overlay: 'none', feature: urlState().feature ?? 'path_gain' }, 'push');
  return (
    <button type="button" className="cell-name" title={`Radio map of ${cell}`} onClick={show}>
      {cell}
    </button>
  );
}
