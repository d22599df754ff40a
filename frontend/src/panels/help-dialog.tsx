import type { Shortcut } from '../ui/shortcuts';
import { Dialog } from '../ui/dialog';

/** Keys, and what the marks on the map mean. */
export function HelpDialog({
  shortcuts,
  onClose,
}: {
  shortcuts: readonly Shortcut[];
  onClose: () => void;
}) {
  return (
    <Dialog title="Help" onClose={onClose}>
      <h3 className="first">On the map</h3>
      <p>
        A dot is a UE, its nose the way it goes; it fades when no fix came for 5 s. The outer
        ellipse holds the truth with 95 %, the inner with 68 %. A circle with a number stands for
        several UEs. Drag with the right button, or two fingers, to turn and tilt.
      </p>
      <h3>Keys</h3>
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
    </Dialog>
  );
}
