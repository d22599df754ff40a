import './map-view.css';
import { useState } from 'react';
import type { MapLayerMouseEvent, ViewStateChangeEvent } from 'react-map-gl/maplibre';
import { useRadioMap } from '../api/get-radio-map';
import type { Scene } from '../api/types';
import { showOnMap } from '../ui/camera-store';
import { useHighlight } from '../ui/highlight-store';
import { setPointer } from '../ui/pointer-store';
import { PHONE, useMedia } from '../ui/use-media';
import { useColourScheme } from '../ui/use-colour-scheme';
import { setUrlState, useUrlState } from '../url/use-url-state';
import { BaseMap } from './base-map';
import { Camera, initialView, rememberView } from './camera';
import { CompareMap } from './compare-map';
import { useEngine } from './engine';
import type { EngineError } from './engine-failure';
import { FixLayers } from './fix-layers';
import { BuildingsLayer } from './layers/buildings-layer';
import { DriveTestLayer } from './layers/drive-test-layer';
import { ExtentLayer } from './layers/extent-layer';
import { GeofencesLayer } from './layers/geofences-layer';
import { ProbePointLayer } from './layers/probe-point-layer';
import { RadioMapLayer } from './layers/radio-map-layer';
import { SitesLayer } from './layers/sites-layer';
import { drapedOver } from './layers/terrain-layer';
import { StreetNamesLayer } from './layers/street-names-layer';
import { MAP_COLOURS } from './map-colours';
import { LayerSlots } from './slots';
import { ueUnder } from './ues/ue-finder';
import { useBaseStyle } from './use-base-style';
import { ViewWatch } from './view-watch';
import { UesOverlay } from './ues/ues-overlay';

function moveOver(event: MapLayerMouseEvent): void {
  setPointer({ lat: event.lngLat.lat, lon: event.lngLat.lng });
  event.target.getCanvas().style.cursor = ueUnder(event.point) === null ? '' : 'pointer';
}

/** Whoever moves the map by keys reads it in the middle. */
function moved({ viewState, target }: ViewStateChangeEvent): void {
  rememberView(viewState);
  if (target.getCanvas().matches(':focus-visible'))
    setPointer({ lat: viewState.latitude, lon: viewState.longitude }, true);
}

interface Props {
  scene: Scene;
  fixId: string | null;
  onLoad: () => void;
  onError: (error: EngineError) => void;
}

export function MapView({ scene, fixId, onLoad, onError }: Props) {
  const { Map, NavigationControl, ScaleControl, AttributionControl, name } = useEngine();
  const baseStyle = useBaseStyle();
  const scheme = useColourScheme();
  const colours = MAP_COLOURS[scheme];
  const phone = useMedia(PHONE);
  const [firstView] = useState(() => initialView(scene));
  const url = useUrlState((state) => state);
  const shows = (what: (typeof url.hidden)[number]) => !url.hidden.includes(what);
  const explains = fixId !== null && url.overlay !== 'none';
  const { data: radioMap } = useRadioMap(scene.name, url.feature, url.cell);

  const highlighted = useHighlight((state) => state.cell);

  const click = (event: MapLayerMouseEvent) => {
    const ue = ueUnder(event.point);
    if (ue !== null) {
      setUrlState({ ue, fix: null }, 'push');
      // The inspector's sheet is about to cover the lower half.
      if (phone) showOnMap([event.lngLat.lng, event.lngLat.lat]);
    } else setPointer({ lat: event.lngLat.lat, lon: event.lngLat.lng }, phone);
  };

  return (
    <Map
      initialViewState={firstView}
      {...baseStyle}
      {...drapedOver(scene, name)}
      attributionControl={false}
      minZoom={12}
      maxZoom={21}
      maxPitch={75}
      onMoveEnd={moved}
      onMouseMove={moveOver}
      onMouseOut={() => setPointer(null)}
      onClick={click}
      onLoad={onLoad}
      onError={(event) => onError(event.error)}
    >
      {/* The last one added stands on top. */}
      <AttributionControl
        position={phone ? 'bottom-left' : 'bottom-right'}
        customAttribution={scene.attribution}
        compact={phone}
      />
      <NavigationControl position="bottom-right" visualizePitch />
      <ScaleControl position="bottom-left" />
      <LayerSlots>
        <BaseMap scene={scene} colours={colours} />
        <ExtentLayer corners={scene.corners} colour={colours.extent} />
        {url.feature !== null && !explains && (
          <RadioMapLayer info={radioMap} opacity={url.opacity / 100} range={url.range} />
        )}
        {shows('buildings') && (
          <BuildingsLayer
            scene={scene.name}
            colour={colours.building}
            opacity={explains ? 0.45 : 0.8}
          />
        )}
        {name === 'maplibre' && shows('labels') && (
          <StreetNamesLayer scene={scene.name} colours={colours} />
        )}
        {shows('sites') && (
          <SitesLayer
            scene={scene.name}
            chosen={highlighted ?? url.cell}
            hilly={name === 'maplibre' && scene.terrain !== null}
            colours={colours}
          />
        )}
        {shows('drive') && !explains && (
          <DriveTestLayer scene={scene.name} cell={url.cell} colours={colours} />
        )}
        {shows('geofences') && <GeofencesLayer colours={colours} />}
        <FixLayers ueId={url.ue} fixId={fixId} scheme={scheme} colours={colours} />
        <ProbePointLayer colours={colours} />
      </LayerSlots>
      <ViewWatch />
      {url.compare !== null && url.feature !== null && !explains && (
        <CompareMap scene={scene} feature={url.compare} colours={colours} />
      )}
      <UesOverlay scene={scene} colours={colours} />
      <Camera coveredBelow_px={phone ? window.innerHeight * 0.5 : 0} />
    </Map>
  );
}
