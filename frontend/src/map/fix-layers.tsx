import { useFix } from '../api/get-fix';
import { useUrlState } from '../url/use-url-state';
import { AttentionLayer } from './layers/attention-layer';
import { FixPlaceLayer } from './layers/fix-place-layer';
import { HighlightLayer } from './layers/highlight-layer';
import { HypothesesLayer } from './layers/hypotheses-layer';
import { PosteriorLayer } from './layers/posterior-layer';
import { RefinementLayer } from './layers/refinement-layer';
import { TrackLayer } from './layers/track-layer';
import { WhatIfMarker } from './layers/what-if-marker';
import type { MapColours, Scheme } from './map-colours';

interface Props {
  ueId: string | null;
  fixId: string | null;
  scheme: Scheme;
  colours: MapColours;
}

/** Why the selected UE is where it is. */
export function FixLayers({ ueId, fixId, scheme, colours }: Props) {
  const overlay = useUrlState((state) => state.overlay);
  const tab = useUrlState((state) => state.tab);
  const held = useUrlState((state) => state.fix !== null);
  const { data: fix } = useFix(fixId);
  return (
    <>
      {ueId !== null && <TrackLayer key={ueId} ueId={ueId} colours={colours} />}
      {fixId !== null && overlay === 'attention' && (
        <AttentionLayer fixId={fixId} scheme={scheme} />
      )}
      {fixId !== null && overlay === 'posterior' && (
        <PosteriorLayer fixId={fixId} scheme={scheme} />
      )}
      {fixId !== null && fix && (
        <>
          <HypothesesLayer fix={fix} colours={colours} />
          <RefinementLayer fix={fix} colours={colours} />
          {held && <FixPlaceLayer fix={fix} colours={colours} />}
          <HighlightLayer scene={fix.scene} fix={fix} colours={colours} />
          {tab === 'whatif' && <WhatIfMarker fix={fix} />}
        </>
      )}
    </>
  );
}
