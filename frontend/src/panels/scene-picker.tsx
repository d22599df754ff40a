import './scene-picker.css';
import { useScenes } from '../api/get-scenes';
import type { Scene } from '../api/types';
import { setUrlState } from '../url/use-url-state';
import { BEST_SERVER } from '../url/url-state';

/** The name of the scene; of several, one to choose. */
export function ScenePicker({ scene }: { scene: Scene | undefined }) {
  const { data } = useScenes();
  if (!data || data.scenes.length < 2 || !scene) return <p className="app-scene">{scene?.title}</p>;
  const choose = (name: string) =>
    // Camera, cell and fix belong to the scene that is left.
    setUrlState(
      {
        scene: name,
        view: null,
        cell: BEST_SERVER,
        range: null,
        compare: null,
        ue: null,
        fix: null,
      },
      'push',
    );
  return (
    // A select cuts a long name off: the name stands below it, in as many lines as it needs.
    <div className="app-scene scene-picker">
      <span aria-hidden="true">{scene.title}</span>
      <select
        aria-label="Scene"
        value={scene.name}
        onChange={(event) => choose(event.target.value)}
      >
        {data.scenes.map(({ name, title }) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
      </select>
    </div>
  );
}
