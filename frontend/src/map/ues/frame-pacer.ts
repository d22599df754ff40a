/**
 * Asks for animation frames, as many as the machine draws with ease. Where a frame takes long (no
 * graphics card), every other stretch of time is left free for everything else on the machine.
 */

/** A frame within this [ms] was easy: 30 frames a second. */
const EASY_MS = 34;

/** Pause [ms] before the next frame, after one that took `frame_ms`. */
export function pauseAfter_ms(frame_ms: number): number {
  return frame_ms <= EASY_MS ? 0 : Math.min(250, frame_ms);
}

export class FramePacer {
  private frame = 0;
  private timer = 0;
  private waiting = false;

  /** Calls back once, at the next frame that is due; further requests until then are the same. */
  request(draw: (now_ms: number) => void): void {
    if (this.waiting) return;
    this.waiting = true;
    const asked_ms = performance.now();
    this.frame = requestAnimationFrame((first_ms) => {
      // Asked for while the last one was drawn, the next frame comes when that is done.
      const pause_ms = pauseAfter_ms(first_ms - asked_ms);
      const run = (now_ms: number) => {
        this.waiting = false;
        draw(now_ms);
      };
      if (pause_ms === 0) run(first_ms);
      else
        this.timer = window.setTimeout(() => {
          this.frame = requestAnimationFrame(run);
        }, pause_ms);
    });
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    window.clearTimeout(this.timer);
    this.waiting = false;
  }
}
