import { useEffect } from 'react';
import { useViewBounds } from '../ui/view-bounds';
import { setViewCapture } from '../ui/view-picture';
import { useEngine } from './engine';

/** Tells the panels what the map shows, and takes its picture for them. */
export function ViewWatch() {
  const { useMap } = useEngine();
  const map = useMap().current?.getMap();
  useEffect(() => {
    if (!map) return undefined;
    const tell = () => {
      const bounds = map.getBounds();
      useViewBounds.setState({
        bounds: [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()],
      });
    };
    tell();
    map.on('moveend', tell);
    setViewCapture(
      () =>
        new Promise((resolve) => {
          // A canvas can be read only in the frame in which it was drawn.
          map.once('render', () => {
            const drawn = map.getCanvas();
            const canvas = document.createElement('canvas');
            canvas.width = drawn.width;
            canvas.height = drawn.height;
            const context = canvas.getContext('2d');
            context?.drawImage(drawn, 0, 0);
            requestAnimationFrame(() => {
              const overlay = map
                .getContainer()
                .querySelector<HTMLCanvasElement>('#deckgl-overlay');
              if (overlay) context?.drawImage(overlay, 0, 0, canvas.width, canvas.height);
              resolve(canvas);
            });
          });
          map.triggerRepaint();
        }),
    );
    return () => {
      map.off('moveend', tell);
      setViewCapture(null);
    };
  }, [map]);
  return null;
}
