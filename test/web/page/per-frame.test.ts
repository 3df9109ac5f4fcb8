/** When the page renders. */
import { afterAll, beforeEach, expect, jest, test } from '@jest/globals'
import { perFrame } from '../../../web/page/per-frame.ts'

const frames: FrameRequestCallback[] = []
const browser = {
  document: { hidden: false },
  requestAnimationFrame: (callback: FrameRequestCallback) => frames.push(callback),
  cancelAnimationFrame: () => frames.splice(0),
}
function passFrame() {
  for (const callback of frames.splice(0)) callback(0)
}

let rendered = 0
let restFrames = 0
let renderSoon: () => void
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['requestAnimationFrame', 'cancelAnimationFrame'] })
  Object.assign(globalThis, browser)
  browser.document.hidden = false
  rendered = restFrames = 0
  renderSoon = perFrame(
    () => rendered++,
    () => restFrames,
  )
})
afterAll(() => {
  jest.useRealTimers()
})

test('many changes are rendered once, in the next frame', () => {
  for (let i = 0; i < 3; i++) renderSoon()
  expect(rendered).toBe(0)
  passFrame()
  passFrame()
  expect(rendered).toBe(1)
})

test('the rendering of a crowded sheet leaves frames to the browser first', () => {
  restFrames = 2
  renderSoon()
  passFrame()
  renderSoon()
  passFrame()
  expect(rendered).toBe(0)
  passFrame()
  expect(rendered).toBe(1)
})

test('a hidden tab, and a window that gets no frames, are rendered all the same', () => {
  renderSoon()
  jest.advanceTimersByTime(200)
  expect(rendered).toBe(1)
  browser.document.hidden = true
  renderSoon()
  expect(rendered).toBe(2)
})
