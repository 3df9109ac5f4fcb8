/**
 * Makes the pictures of the page for the README, from real windows: `npm run build && node docs/pictures/make.mjs`.
 *
 * Needs Chromium, and `cwebp` and `img2webp` from the package `webp`.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'

const run = promisify(execFile)
const folder = new URL('.', import.meta.url).pathname
const wide = { viewport: { width: 1100, height: 640 }, deviceScaleFactor: 2 }
const phone = { viewport: { width: 360, height: 640 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }
const FRAME_MS = 320

const server = spawn(process.execPath, [new URL('../../dist/server/main.js', import.meta.url).pathname], {
  env: { PATH: process.env.PATH, PORT: '0', LEASE_MS: '600000' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})
const temporary = await mkdtemp(join(tmpdir(), 'pictures-'))
try {
  const url = await address(server)
  await still(url, 'light', wide, team)
  await still(url, 'dark', { ...wide, colorScheme: 'dark' }, team)
  await still(url, 'phone', phone, team)
  await still(url, 'busy', wide, crowd)
  await animation(url)
} finally {
  await browser.close()
  server.kill()
  await rm(temporary, { recursive: true })
}

async function address(child) {
  for await (const line of createInterface(child.stdout)) {
    const { msg, port } = JSON.parse(line)
    if (msg === 'listening') return `http://127.0.0.1:${port}`
  }
  throw new Error('The server has ended.')
}

/** Three colleagues at work, seen by Alice. */
async function team(publish) {
  await publish([
    { user: 'bob', name: 'Bob', color: '#d6336c', x: 2, y: 4, meta: { to: { x: 3, y: 7 } } },
    { user: 'chloe', name: 'Chloé', color: '#0c8599', x: 3, y: 9, meta: { editing: true } },
    { user: 'noor', name: 'Noor', color: '#7048e8', x: 1, y: 9 },
    { user: 'dan', name: 'Dan', color: '#e8590c', x: 2, y: 120 },
  ])
}

async function crowd(publish) {
  const names = 'Ada Bo Chen Dara Eli Fay Gus Hana Ivo Jun Kai Lea Mia Nils Ora Pia Quin Rae Sol Tess'.split(' ')
  const place = index => ({ x: (index * 7 + (index % 3)) % 9, y: (index * 11 + (index % 5)) % 17 })
  await publish(
    Array.from({ length: 60 }, (_, index) => ({
      user: `u${index}`,
      name: `${names[index % 20]} ${'KLM'[Math.floor(index / 20)]}.`,
      ...place(index),
    })),
  )
}

async function still(url, name, options, prepare) {
  const room = name === 'busy' ? 'all-hands' : 'offsite'
  await prepare(publisher(url, room))
  const page = await visit(url, room, 'Alice', { ...options, reducedMotion: 'reduce' })
  await page.click('[data-cell=B6]')
  await page.locator(`[data-cell=B6] [data-user=alice]`).waitFor()
  const file = join(temporary, `${name}.png`)
  await page.screenshot({ path: file })
  await save(name, ['cwebp', '-quiet', '-q', '86', file])
  await page.context().close()
}

/** Alice's window while Bob and Chloé work in windows of their own. */
async function animation(url) {
  const room = 'offsite-live'
  const alice = await visit(url, room, 'Alice', { viewport: { width: 880, height: 520 } })
  const bob = await visit(url, room, 'Bob')
  const chloe = await visit(url, room, 'Chloé')
  const frames = []
  const frame = async (times = 1) => {
    const path = join(temporary, `frame-${String(frames.length).padStart(3, '0')}.png`)
    await alice.screenshot({ path })
    frames.push('-d', String(FRAME_MS * times), path)
  }
  const act = async (user, place, action) => {
    await action()
    await alice.locator(`[data-roster=${user}] .place`, { hasText: place }).waitFor()
    await alice.waitForFunction(() => document.getAnimations().every(({ playState }) => playState === 'finished'))
    await frame()
  }
  const press = (page, user, key, place) => act(user, place, () => page.keyboard.press(key))
  await act('alice', 'B2', () => alice.click('[data-cell=B2]'))
  await act('bob', 'C4', () => bob.click('[data-cell=C4]'))
  await act('chloe', 'D9', () => chloe.click('[data-cell=D9]'))
  for (const place of ['C4:C5', 'C4:C6', 'C4:C7', 'C4:C8']) await press(bob, 'bob', 'Shift+ArrowDown', place)
  await press(bob, 'bob', 'Shift+ArrowRight', 'C4:D8')
  await act('chloe', '✎', () => chloe.keyboard.type('610'))
  await frame(3)
  await press(chloe, 'chloe', 'Enter', 'D10')
  for (const [key, place] of [
    ['ArrowDown', 'C5'],
    ['ArrowDown', 'C6'],
    ['ArrowLeft', 'B6'],
  ])
    await press(bob, 'bob', key, place)
  await act('alice', 'B2', () => alice.click('[data-avatar=chloe]'))
  await act('chloe', 'Z1000', async () => {
    await chloe.fill('#here', 'Z1000')
    await chloe.press('#here', 'Enter')
  })
  for (const place of ['Z1001', 'Z1002']) await press(chloe, 'chloe', 'ArrowDown', place)
  await frame(3)
  await act('alice', 'B3', () => alice.keyboard.press('Escape').then(() => alice.keyboard.press('ArrowDown')))
  await frame(3)
  await save('animation', ['img2webp', '-loop', '0', '-lossy', '-q', '70', '-m', '6', ...frames])
}

function publisher(url, room) {
  return async locations => {
    const response = await fetch(`${url}/rooms/${room}/location`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(locations),
    })
    if (!response.ok) throw new Error(await response.text())
  }
}

async function visit(url, room, name, options = {}) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const user = name.toLowerCase().replace('é', 'e')
  await page.goto(`${url}/?${new URLSearchParams({ room, user, name, bots: '0' })}`)
  await page.locator('[data-status=live]').waitFor()
  return page
}

async function save(name, [command, ...args]) {
  const file = join(folder, `${name}.webp`)
  await run(command, [...args, '-o', file])
  process.stdout.write(`${name}.webp: ${(await stat(file)).size} bytes\n`)
}
