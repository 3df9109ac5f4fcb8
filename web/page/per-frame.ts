/** An animation frame that is later than this does not come: the window is covered, or the tab is becoming hidden. */
const LATE_MS = 200

/**
 * Combines many calls into one rendering in an animation frame: the next one, or a later one if `restFrames` says how many
 * to leave to the browser first. A hidden tab gets no animation frames and few timers, so it renders immediately: the page
 * must be up to date when the user returns to it.
 */
export function perFrame(render: () => void, restFrames: () => number): () => void {
  let frame: number | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const run = () => {
    if (frame !== undefined) cancelAnimationFrame(frame)
    clearTimeout(timer)
    frame = undefined
    render()
  }
  const runAfter = (frames: number) => {
    frame = requestAnimationFrame(() => (frames > 0 ? runAfter(frames - 1) : run()))
  }
  return () => {
    if (document.hidden) run()
    else if (frame === undefined) {
      runAfter(restFrames())
      timer = setTimeout(run, LATE_MS)
    }
  }
}
