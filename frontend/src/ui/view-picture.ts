/** A picture of the map as it is seen: the engine's canvas and the overlay's on top of it. */

type Capture = () => Promise<HTMLCanvasElement>;

let capture: Capture | null = null;

export function setViewCapture(next: Capture | null): void {
  capture = next;
}

export async function saveViewPicture(name: string): Promise<void> {
  const canvas = await capture?.();
  if (!canvas) return;
  const link = document.createElement('a');
  link.href = canvas.toDataURL('image/png');
  link.download = `${name}-view.png`;
  link.click();
}
