import './compare-map.css';
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { createPortal } from 'react-dom';
import type { MapRef } from 'react-map-gl/maplibre';
import { useRadioMap } from '../api/get-radio-map';
import type { Scene } from '../api/types';
import { useUrlState } from '../url/use-url-state';
import { BaseMap } from './base-map';
import { useEngine } from './engine';
import { BuildingsLayer } from './layers/buildings-layer';
import { ExtentLayer } from './layers/extent-layer';
import { drapedOver } from './layers/terrain-layer';
import { RadioMapLayer } from './layers/radio-map-layer';
import type { MapColours } from './map-colours';
import { LayerSlots } from './slots';
import { useBaseStyle } from './use-base-style';

const STEP = 0.05;

interface Props {
  scene: Scene;
  feature: string;
  colours: MapColours;
}

/** A second feature right of a handle: the same camera, cut along a line that can be dragged. */
export function CompareMap({ scene, feature, colours }: Props) {
  const { Map, useMap, name } = useEngine();
  const baseStyle = useBaseStyle();
  const main = useMap().current?.getMap();
  const second = useRef<MapRef>(null);
  const [split, setSplit] = useState(0.5);
  const { cell, opacity } = useUrlState((state) => state);
  const { data: info } = useRadioMap(scene.name, feature, cell);

  useEffect(() => {
    if (!main) return undefined;
    const follow = () => {
      const center = main.getCenter();
      second.current?.jumpTo({
        center: [center.lng, center.lat],
        zoom: main.getZoom(),
        bearing: main.getBearing(),
        pitch: main.getPitch(),
      });
    };
    follow();
    main.on('move', follow);
    return () => {
      main.off('move', follow);
    };
  }, [main]);

  if (!main) return null;
  const container = main.getContainer();
  const clamp = (share: number) => Math.min(0.98, Math.max(0.02, share));
  const drag = (clientX: number) => {
    const box = container.getBoundingClientRect();
    setSplit(clamp((clientX - box.left) / box.width));
  };
  const key = (event: KeyboardEvent) => {
    const step = { ArrowRight: STEP, ArrowLeft: -STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setSplit((share) => clamp(share + step));
  };
  const center = main.getCenter();
  return createPortal(
    <>
      <div className="compare-map" style={{ clipPath: `inset(0 0 0 ${split * 100}%)` }}>
        <Map
          ref={second}
          id="compare"
          interactive={false}
          attributionControl={false}
          initialViewState={{
            longitude: center.lng,
            latitude: center.lat,
            zoom: main.getZoom(),
            bearing: main.getBearing(),
            pitch: main.getPitch(),
          }}
          {...baseStyle}
          {...drapedOver(scene, name)}
          style={{ position: 'absolute', inset: 0 }}
        >
          <LayerSlots>
            <BaseMap scene={scene} colours={colours} />
            <ExtentLayer corners={scene.corners} colour={colours.extent} />
            <RadioMapLayer info={info} opacity={opacity / 100} />
            <BuildingsLayer scene={scene.name} colour={colours.building} opacity={0.8} />
          </LayerSlots>
        </Map>
      </div>
      <div
        className="compare-handle"
        style={{ left: `${split * 100}%` }}
        role="slider"
        tabIndex={0}
        aria-label={`Line between the two maps; right of it ${info?.label ?? feature}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(split * 100)}
        onKeyDown={key}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => event.buttons === 1 && drag(event.clientX)}
      >
        <span className="compare-label">{info?.label ?? feature} ▸</span>
      </div>
    </>,
    container,
  );
}
