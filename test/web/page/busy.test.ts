/** A room with 300 people who move ten times a second each. */
import { setTimeout } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { cellName } from '../../../web/page/cells.ts'
import { cell, useRoomWindows } from './room-windows.ts'

interface TraceEvent {
  name: string
  ph: string
  pid: number
  tid: number
  /** Processor time of the thread, in microseconds. */
  tdur?: number
  args: { name?: string }
}

const suite = useRoomWindows()
const PEOPLE = 300
const BATCHES = 10

/** One in `BATCHES` of the people, each in a random cell of the visible part. */
const batch = (number: number) =>
  Array.from({ length: PEOPLE / BATCHES }, (_, index) => ({
    user: `user-${index * BATCHES + number}`,
    name: `Person ${index * BATCHES + number}`,
    x: Math.floor(Math.random() * 14),
    y: Math.floor(Math.random() * 30),
  }))

/** Resolves with the processor times of the main thread's tasks, in milliseconds, the longest first. */
async function tasksDuring(page: Page, action: () => Promise<void>): Promise<number[]> {
  const session = await page.context().newCDPSession(page)
  const events: TraceEvent[] = []
  session.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])))
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['toplevel', 'devtools.timeline'] },
  })
  await action()
  const complete = new Promise<void>(resolve => session.once('Tracing.tracingComplete', () => resolve()))
  await session.send('Tracing.end')
  await complete
  const keyOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`
  const isName = ({ name, args }: TraceEvent) => name === 'thread_name' && args.name === 'CrRendererMain'
  const threads = new Set(events.filter(isName).map(keyOf))
  const tasks = events.filter(event => event.ph === 'X' && event.name.endsWith('RunTask') && threads.has(keyOf(event)))
  return tasks.map(({ tdur = 0 }) => tdur / 1000).sort((a, b) => b - a)
}

const countElements = (page: Page) => page.evaluate(() => document.getElementsByTagName('*').length)

test('no task of the page takes 50 ms, and the document stays small', async () => {
  for (let number = 0; number < BATCHES; number++) await suite.publish(batch(number))
  const window = await suite.visit({ user: 'alice', name: 'Alice' }, { viewport: { width: 1920, height: 1080 } })
  const { page } = window
  await page.locator(`[data-roster] >> nth=${PEOPLE}`).waitFor({ state: 'attached' })
  await page.waitForFunction(count => document.querySelectorAll('[data-user]').length > count, PEOPLE / 2)
  let posts = 0
  const tasks = await tasksDuring(page, async () => {
    const until = performance.now() + 5_000
    while (performance.now() < until) {
      await Promise.all([suite.publish(batch(posts++ % BATCHES)), setTimeout(1000 / BATCHES / BATCHES)])
    }
  })
  const moves = (posts * PEOPLE) / BATCHES
  process.stdout.write(
    `${moves / 5} moves a second; longest tasks: ${tasks.slice(0, 5).join(', ')} ms of processor time\n`,
  )
  expect(tasks.length).toBeGreaterThan(100)
  expect(tasks[0]).toBeLessThan(50)
  expect(await countElements(page)).toBeLessThan(3000)
  // The page is up to date after the last move.
  const last = { user: 'user-0', name: 'Person 0', x: 0, y: 20 }
  await suite.publish(last)
  await window.sees('user-0', 'A21')
  await cell(window, 'C3').click()
  await window.sees('alice', 'C3')
  expect(window.errors).toEqual([])
}, 60_000)

test.each([
  ['a 4K window', 1],
  ['a full HD window at a zoom of 50 %', 0.5],
])(
  'in %s the document stays small, and an empty cell without an element can be selected',
  async (_, dots) => {
    // Two in each cell, over the whole window.
    const people = (down: number) =>
      Array.from({ length: PEOPLE }, (_, index) => {
        const number = Math.floor(index / 2)
        return { user: `user-${index}`, name: `Person ${index}`, x: (number * 7) % 31, y: ((number * 11) % 69) + down }
      })
    await suite.publish(people(0))
    const options = { viewport: { width: 3840, height: 2160 }, deviceScaleFactor: dots }
    const window = await suite.visit({ user: 'alice', name: 'Alice' }, options)
    const { page } = window
    for (const down of [0, 1]) {
      await suite.publish(people(down))
      for (const { user, x, y } of people(down)) await window.sees(user, cellName({ x, y }))
      // The cells that they have left have no element any more.
      expect(await countElements(page)).toBeLessThan(3000)
    }
    process.stdout.write(`${await countElements(page)} elements\n`)

    const [column, row] = await Promise.all(
      ['W', '60'].map(text => page.locator('.head', { hasText: new RegExp(`^${text}$`) }).boundingBox()),
    )
    if (!column || !row) throw new Error('Cell W60 is not visible.')
    const pointer = [column.x + column.width / 2, row.y + row.height / 2] as const
    expect(await cell(window, 'W60').count()).toBe(0)
    await page.mouse.click(...pointer)
    await window.sees('alice', 'W60')
    await page.keyboard.press('Shift+ArrowDown')
    await page.locator('[data-cell=W60] [data-range="W60:W61"]').waitFor()
    await page.keyboard.press('ArrowRight')
    await window.sees('alice', 'X60')
    expect(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.cell)).toBe('X60')
    await cell(window, 'W60').waitFor({ state: 'detached' })
    await page.mouse.dblclick(...pointer)
    await page.locator('[data-cell=W60] .editor').waitFor()
    await page.keyboard.type('7')
    await page.keyboard.press('Enter')
    expect(await cell(window, 'W60').locator('.text').textContent()).toBe('7')
    expect(window.errors).toEqual([])
  },
  60_000,
)
