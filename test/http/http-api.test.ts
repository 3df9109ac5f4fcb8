/** docs/http-api.md lists every route of the server. */
import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { send } from '../support/requests.ts'
import { useServer } from '../support/rooms.ts'

const page = readFileSync(new URL('../../docs/http-api.md', import.meta.url), 'utf8')
const server = useServer('memory')

test('docs/http-api.md names every path and method of /openapi.json', async () => {
  const { paths } = JSON.parse((await send(server.port, 'GET', '/openapi.json')).text)
  expect(Object.keys(paths).length).toBeGreaterThan(8)
  const missing = Object.entries<Record<string, unknown>>(paths).flatMap(([path, methods]) => {
    const written = path.replace(/^\/location/, '/rooms/:room/location').replace(/\{(\w+)\}/g, ':$1')
    const rows = page.split('\n').filter(line => line.startsWith('| `') && line.includes(`${written}\``))
    return Object.keys(methods)
      .filter(method => !rows.some(row => row.includes(method.toUpperCase())))
      .map(method => `${method} ${path}`)
  })
  expect(missing).toEqual([])
})
