import { useCallback, useEffect, useMemo, useRef } from 'react';
import type { Scene } from '../../api/types';
import { level, type Height } from '../../geometry/height';
import type { MotionRow } from '../../live/motion';
import { useLive } from '../../live/live-store';
import { uesOfScene } from '../../live/scene-ues';
import { useShownUes } from '../../live/shown-ues';
import { ueMatches } from '../../live/ue-query';
import { useMedia } from '../../ui/use-media';
import { useUrlState } from '../../url/use-url-state';
import { useEngine } from '../engine';
import { TERRAIN } from '../layers/terrain-layer';
import type { MapColours } from '../map-colours';
import { setUeFinder } from './ue-finder';
import type { PainterOptions, UePainter } from './ue-painter';
import { useMapLabels } from './use-map-labels';

/** A UE that the filter leaves out stays on the map, faintly. */
const FAINT = 0.12;

/** Dots with headings, trails, ellipses and labels of every UE, drawn by deck.gl over the map. */
export function UesOverlay({ scene, colours }: { scene: Scene; colours: MapColours }) {
  const { useMap, createOverlay, UePainter: Painter, name } = useEngine();
  const map = useMap().current?.getMap();
  const hilly = name === 'maplibre' && scene.terrain !== null;
  const ues = useShownUes();
  const { hidden, ue: selected, query, follow } = useUrlState((state) => state);
  const still = useMedia('(prefers-reduced-motion: reduce)');
  const live = useUrlState((state) => state.time === null);
  const named = useMapLabels(scene.name);
  const painter = useRef<UePainter | null>(null);

  const mattering = useCallback(
    ({ id, ue }: Pick<MotionRow, 'id' | 'ue'>) =>
      id === selected || ueMatches(id, ue, query) ? 1 : FAINT,
    [query, selected],
  );
  const options = useMemo<PainterOptions>(
    () => ({
      selected,
      colours,
      trails: !hidden.includes('trails'),
      ellipses: !hidden.includes('ellipses'),
      labels: !hidden.includes('labels'),
      clusters: !hidden.includes('groups'),
      truth: !live && !hidden.includes('truth'),
      named,
      mattering,
    }),
    [selected, colours, hidden, live, named, mattering],
  );
  const latest = useRef({ options, ues });
  useEffect(() => {
    latest.current.options = options;
    painter.current?.set(options);
  }, [options]);

  // Live fixes go straight to the map, past the panels.
  useEffect(() => {
    const show = (all: typeof ues) => {
      const shown = uesOfScene(all, scene.name);
      latest.current.ues = shown;
      painter.current?.update(shown);
    };
    if (!live) {
      show(ues);
      return undefined;
    }
    show(useLive.getState().ues);
    return useLive.subscribe((state, before) => {
      if (state.ues !== before.ues) show(state.ues);
    });
    // While live, what the panels show is older.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [live, scene.name, live ? null : ues]);

  useEffect(() => {
    if (!map) return undefined;
    const overlay = createOverlay();
    map.addControl(overlay);
    // What lies on the ground is as high as the ground is drawn, which tiles tell bit by bit.
    const height: Height = hilly ? (lon, lat) => map.queryTerrainElevation([lon, lat]) ?? 0 : level;
    const view = () => ({
      zoom: map.getZoom(),
      bounds: map.getBounds(),
      project: (place: [number, number]) => map.project(place),
      height,
    });
    const { lon, lat } = scene.center;
    const made = new Painter(overlay, view, [lon, lat], latest.current.options, still);
    painter.current = made;
    made.update(latest.current.ues);
    setUeFinder((point) => made.at(point));
    const moved = () => made.moved();
    map.on('move', moved);
    const raised = ({ sourceId }: { sourceId?: string }) => {
      if (sourceId === TERRAIN) made.raised();
    };
    if (hilly) map.on('sourcedata', raised);
    return () => {
      map.off('move', moved);
      map.off('sourcedata', raised);
      setUeFinder(null);
      made.stop();
      painter.current = null;
      map.removeControl(overlay);
    };
  }, [map, createOverlay, Painter, scene.center, hilly, still]);

  // A followed UE stays in the middle, at the pace of its fixes.
  const place = selected === null ? undefined : ues[selected]?.fix.geometry.coordinates;
  const [lon, lat] = place ?? [];
  useEffect(() => {
    if (!map || !follow || lon === undefined || lat === undefined) return;
    map.easeTo({ center: [lon, lat], duration: still ? 0 : 900, easing: (t) => t });
  }, [map, follow, lon, lat, still]);

  return null;
}
