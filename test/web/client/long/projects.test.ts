/** Projects that install the package: React 18 with Vite under StrictMode, and a page without a build. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { post } from '../../../support/client.ts'
import { type Installed, installClient, root } from '../../../support/packed-client.ts'
import { freePort } from '../../../support/ports.ts'
import { startServer, type TestServer } from '../../../support/server.ts'
import { launch } from '../../page/browser.ts'

const main = `
import { StrictMode, version } from 'react'
import { createRoot } from 'react-dom/client'
import { RoomProvider, useMove, useOthers, useRoomEvent, useSelf, useStatus } from '@colocate/client/react'

const renders = { count: 0 }
globalThis.renders = renders
globalThis.entered = []

function Sheet() {
  const self = useSelf()
  const others = useOthers()
  const move = useMove()
  useRoomEvent('enter', ({ collaborator }) => globalThis.entered.push(collaborator.user))
  return (
    <button id="sheet" onClick={() => move({ x: self.x + 1 })}>
      {version} {useStatus()} me at {self?.x}; {others.map(({ user, x }) => user + ' at ' + x).join()}
    </button>
  )
}

function Count() {
  renders.count++
  return <p id="count">{useOthers(others => others.length)}</p>
}

createRoot(document.getElementById('root')).render(
  <StrictMode>
    <RoomProvider room="projects" user="alice" location={{ x: 0, y: 0 }}>
      <Sheet />
      <Count />
    </RoomProvider>
  </StrictMode>,
)
`

declare const renders: { count: number }
declare const entered: string[]

let server: TestServer
let browser: Browser
let installed: Installed
let vite: ChildProcess | undefined

beforeAll(async () => {
  ;[server, browser, installed] = await Promise.all([
    startServer(),
    launch(),
    installClient(['react@18', 'react-dom@18']),
  ])
}, 120_000)
afterAll(async () => {
  await browser?.close()
  vite?.kill()
  await server?.stop()
  await installed?.remove()
})

/** Starts Vite's development server, in which the room's routes are those of the server. */
async function startVite(folder: string): Promise<string> {
  const proxy = { '/rooms': { target: server.url } }
  await writeFile(join(folder, 'vite.config.js'), `export default { server: { proxy: ${JSON.stringify(proxy)} } }`)
  const args = [join(root, 'node_modules/vite/bin/vite.js'), '--host', '127.0.0.1', '--port', `${await freePort()}`]
  vite = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, NO_COLOR: '1' } })
  let out = ''
  for (;;) {
    const [, url] = /Local: +(http:\S+)/.exec(out) ?? []
    if (url) return url
    const [chunk] = (await once(vite.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
    out += chunk
  }
}

test('React 18 with Vite: StrictMode joins once, and a component renders only for what it selected', async () => {
  const { folder } = installed
  await mkdir(join(folder, 'src'))
  await Promise.all([
    writeFile(join(folder, 'src/main.jsx'), main),
    writeFile(
      join(folder, 'index.html'),
      '<!doctype html><div id="root"></div><script type="module" src="/src/main.jsx"></script>',
    ),
  ])
  const url = await startVite(folder)
  const page = await browser.newPage()
  const requests: string[] = []
  page.on('request', request => {
    if (request.url().includes('/rooms/')) requests.push(`${request.method()} ${new URL(request.url()).pathname}`)
  })
  await page.goto(url)
  await page.locator('#sheet', { hasText: '18.' }).waitFor()
  await page.locator('#sheet', { hasText: 'live me at 0' }).waitFor()
  await post(server.url, 'projects', { user: 'bob', x: 1, y: 0 })
  await page.locator('#sheet', { hasText: 'bob at 1' }).waitFor()
  const before = await page.evaluate(() => renders.count)
  for (let x = 2; x <= 20; x++) await post(server.url, 'projects', { user: 'bob', x, y: 0 })
  await page.locator('#sheet', { hasText: 'bob at 20' }).waitFor()
  expect(await page.evaluate(() => renders.count)).toBe(before)
  expect(await page.evaluate(() => entered)).toEqual(['bob'])
  await page.click('#sheet')
  await page.locator('#sheet', { hasText: 'me at 1;' }).waitFor()
  expect(requests.filter(request => request.endsWith('/sse'))).toHaveLength(1)
  expect(requests.filter(request => request.startsWith('DELETE'))).toEqual([])
}, 60_000)

test('a page without a build imports the files of the package', async () => {
  const page = await browser.newPage()
  await page.route('**/page.html', route =>
    route.fulfill({
      contentType: 'text/html',
      body: `<!doctype html><p id="status"></p><script type="module">
        import { joinRoom } from './package/index.js'
        const room = joinRoom('plain', { user: 'alice', location: { x: 3, y: 0 } })
        const show = () => { document.querySelector('#status').textContent = room.status + ' ' + room.others.length }
        room.subscribe(show)
      </script>`,
    }),
  )
  const files = new Set<string>()
  await page.route('**/package/*', async route => {
    const name = new URL(route.request().url()).pathname.replace('/package/', '')
    files.add(name)
    const body = await readFile(join(installed.folder, 'node_modules/@colocate/client/dist', name))
    await route.fulfill({ contentType: 'text/javascript', body })
  })
  await page.goto(`${server.url}/page.html`)
  await page.locator('#status', { hasText: 'live 0' }).waitFor()
  await post(server.url, 'plain', { user: 'bob', x: 1, y: 0 })
  await page.locator('#status', { hasText: 'live 1' }).waitFor()
  expect([...files].sort()).toEqual(['index.js', 'shared-connection.js'])
})
