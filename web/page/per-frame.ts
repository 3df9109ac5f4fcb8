/** A frame that is later than this is not coming: the window is covered, or the tab is going into the background. */
const LATE_MS = 200

/**
 * Makes many calls one rendering in the next frame. A hidden tab gets no frames and few timers, so it renders at once:
 * who looks at it again must find it right.
 */
export function perFrame(render: () => void): () => void {
  let frame: number | undefined
  let late: ReturnType<typeof setTimeout> | undefined
  const run = () => {
    if (frame !== undefined) cancelAnimationFrame(frame)
    clearTimeout(late)
    frame = undefined
    render()
  }
  return () => {
    if (document.hidden) run()
    else if (frame === undefined) {
      frame = requestAnimationFrame(run)
      late = setTimeout(run, LATE_MS)
    }
  }
}
