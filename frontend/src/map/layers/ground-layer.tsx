import { useEngine } from '../engine';
import { slot } from '../slots';

/** The ground, where no base map supplies one. */
export function GroundLayer({ colour }: { colour: string }) {
  const { Layer } = useEngine();
  return (
    <Layer
      id="ground"
      type="background"
      beforeId={slot('ground')}
      paint={{ 'background-color': colour }}
    />
  );
}
