/**
 * Drawing order of the map. A slot is an invisible layer; every visible layer names the slot that
 * it is drawn directly below, so the order does not depend on which data arrives first.
 */
import { useEffect, useState, type ReactNode } from 'react';
import { useEngine } from './engine';

const SLOTS = [
  'ground',
  'relief',
  'water',
  'roads',
  'raster',
  'buildings',
  'sites',
  'uncertainty',
  'trails',
  'fix',
  'markers',
  'top',
] as const;
export type Slot = (typeof SLOTS)[number];

export function slot(name: Slot): string {
  return `slot-${name}`;
}

interface LoadingStyle {
  _loaded?: boolean;
  /** Mapbox: styles that this one imports. */
  fragments?: { style: LoadingStyle }[];
}

/** Neither engine tells by its interface when layers may be added: before its sources are there. */
function takesLayers(style: LoadingStyle | undefined): boolean {
  if (style?._loaded !== true) return false;
  return (style.fragments ?? []).every((fragment) => takesLayers(fragment.style));
}

/** Puts the slots into the style, and shows its children once they are there. */
export function LayerSlots({ children }: { children: ReactNode }) {
  const { useMap } = useEngine();
  const map = useMap().current?.getMap();
  const [ready, setReady] = useState(false);

  useEffect(() => {
    if (!map) return undefined;
    const add = () => {
      if (!takesLayers(map.style)) return;
      for (const name of SLOTS) {
        if (map.getLayer(slot(name))) continue;
        map.addLayer({ id: slot(name), type: 'background', layout: { visibility: 'none' } });
      }
      setReady(true);
    };
    add();
    // Mapbox tells by the second that imported styles have come, too.
    map.on('styledata', add);
    map.on('style.load', add);
    return () => {
      map.off('styledata', add);
      map.off('style.load', add);
    };
  }, [map]);

  return ready ? children : null;
}
