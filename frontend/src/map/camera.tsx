import { useEffect } from 'react';
import type { LonLat, Scene } from '../api/types';
import { perMetre_px } from '../geometry/pixel-scale';
import { useLive } from '../live/live-store';
import { showOnMap, useCameraTarget } from '../ui/camera-store';
import { setUrlState, urlState, useUrlState } from '../url/use-url-state';
import type { CameraView } from '../url/url-state';
import { useEngine } from './engine';

/** A place that is asked for is shown at least this close. */
const CLOSE_ZOOM = 16.5;
const PITCH_DEG = 45;
const FRAMED = { from: 15, to: 19.5, share: 1 / 12 };

/** Zoom at which a radius is `FRAMED.share` of so many pixels. */
export function framingZoom(radius_m: number, lat: number, side_px: number): number {
  const zoom = Math.log2((FRAMED.share * side_px) / (radius_m * perMetre_px(0, lat)));
  return Math.min(FRAMED.to, Math.max(FRAMED.from, zoom));
}

/** The link's view, or the whole radio map seen from the south. */
export function initialView(scene: Scene) {
  const { view } = urlState();
  if (view) return view;
  const lons = scene.corners.map(([lon]) => lon);
  const lats = scene.corners.map(([, lat]) => lat);
  return {
    bounds: [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)] as [
      number,
      number,
      number,
      number,
    ],
    fitBoundsOptions: { padding: 8, pitch: PITCH_DEG },
    pitch: PITCH_DEG,
  };
}

function shorterSide_px({ clientWidth, clientHeight }: HTMLElement): number {
  return Math.min(clientWidth, clientHeight);
}

function differs(a: CameraView, b: CameraView): boolean {
  return (
    Math.abs(a.latitude - b.latitude) > 2e-6 ||
    Math.abs(a.longitude - b.longitude) > 2e-6 ||
    Math.abs(a.zoom - b.zoom) > 0.02 ||
    Math.abs(a.bearing - b.bearing) > 0.2 ||
    Math.abs(a.pitch - b.pitch) > 0.2
  );
}

/** A link that names a UE but no view shows that UE, as soon as its place is known. */
function useShowLinkedUe(): void {
  const linked = useUrlState((state) => (state.view === null ? state.ue : null));
  const known = useLive((state) => linked !== null && linked in state.ues);
  useEffect(() => {
    const ue = linked === null ? undefined : useLive.getState().ues[linked];
    if (known && ue) showOnMap(ue.fix.geometry.coordinates as LonLat);
  }, [linked, known]);
}

/** Moves the map to what a panel asks for and to what the link says after back or forward. */
export function Camera({ coveredBelow_px }: { coveredBelow_px: number }) {
  const { useMap } = useEngine();
  const map = useMap().current;
  const target = useCameraTarget((state) => state.target);
  const view = useUrlState((state) => state.view);
  useShowLinkedUe();

  useEffect(() => {
    if (!map || !target) return;
    map.easeTo({
      center: target.center,
      zoom:
        target.radius_m === null
          ? Math.max(map.getZoom(), CLOSE_ZOOM)
          : framingZoom(target.radius_m, target.center[1], shorterSide_px(map.getContainer())),
      offset: [0, -coveredBelow_px / 2],
      duration: 600,
    });
    // What covers the map later must not move it again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [map, target]);

  useEffect(() => {
    if (!map || !view || map.isMoving()) return;
    const center = map.getCenter();
    const shown: CameraView = {
      latitude: center.lat,
      longitude: center.lng,
      zoom: map.getZoom(),
      bearing: map.getBearing(),
      pitch: map.getPitch(),
    };
    if (!differs(view, shown)) return;
    map.jumpTo({
      center: [view.longitude, view.latitude],
      zoom: view.zoom,
      bearing: view.bearing,
      pitch: view.pitch,
    });
  }, [map, view]);

  return null;
}

export function rememberView(viewState: CameraView): void {
  const { latitude, longitude, zoom, bearing, pitch } = viewState;
  setUrlState({ view: { latitude, longitude, zoom, bearing, pitch } });
}
