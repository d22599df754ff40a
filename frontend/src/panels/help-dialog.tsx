import { setSingleKeys, useSingleKeys, type Shortcut } from '../ui/shortcuts';
import { Dialog } from '../ui/dialog';

/** Keys of what has the focus: these are no shortcuts. */
const FOCUSED_KEYS = [
  { keys: ['←', '→', '↑', '↓'], does: 'Move the map; with Shift turn and tilt it' },
  { keys: ['+', '−'], does: 'Zoom the map; the value in its middle is read' },
  { keys: ['←', '→'], does: 'Next tab; move the line between two maps' },
  { keys: ['←', '→', '↑', '↓'], does: 'Move the pin of What if by 1 m; with Shift by 10 m' },
] as const;

/** Keys, and what the marks on the map mean. */
export function HelpDialog({
  shortcuts,
  onClose,
}: {
  shortcuts: readonly Shortcut[];
  onClose: () => void;
}) {
  const singleKeys = useSingleKeys((state) => state.on);
  return (
    <Dialog title="Help" onClose={onClose}>
      <h3 className="first">On the map</h3>
      <p>
        A dot is a UE, its nose the way it goes; it fades when no fix came for 5 s. The outer
        ellipse holds the truth with 95 %, the inner with 68 %. A circle with a number stands for
        several UEs. Drag with the right button, or two fingers, to turn and tilt.
      </p>
      <h3>Keys</h3>
      <label className="check">
        <input
          type="checkbox"
          checked={singleKeys}
          onChange={(event) => setSingleKeys(event.target.checked)}
        />
        Single keys do something
      </label>
      <dl className="shortcuts">
        {shortcuts.map(({ key, shown, does }) => (
          <div key={key} style={{ display: 'contents' }}>
            <dt>
              <kbd>{shown}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <h3>On what has the focus</h3>
      <dl className="shortcuts">
        {FOCUSED_KEYS.map(({ keys, does }) => (
          <div key={does} style={{ display: 'contents' }}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
