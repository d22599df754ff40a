/** Asks at once for what the first picture needs, instead of one after the other. */
import { configQuery } from '../api/get-config';
import { sceneQuery } from '../api/get-scene';
import { scenesQuery } from '../api/get-scenes';
import { queryClient } from '../api/query-client';
import { urlState } from '../url/use-url-state';
import { ENGINE_LOADERS, engineFor } from './engine';

/** Whatever fails is asked for again, and told, where it is needed. */
function ignore(): void {
  // Nothing to do here.
}

export function beginLoading(): void {
  queryClient
    .fetchQuery(configQuery)
    .then(({ mapbox_token }) => ENGINE_LOADERS[engineFor(mapbox_token)]())
    .catch(ignore);
  const chosen = urlState().scene;
  const scene =
    chosen === null
      ? queryClient.fetchQuery(scenesQuery).then(({ scenes }) => scenes[0]?.name ?? null)
      : Promise.resolve(chosen);
  scene
    .then((name) => (name === null ? null : queryClient.fetchQuery(sceneQuery(name))))
    .catch(ignore);
}
