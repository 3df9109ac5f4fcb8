/**
 * Who stands between: told by what it says of itself, or by what only it would answer.
 */
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Culprit } from './remedies.ts'
import { ask } from './watched.ts'

const patienceMs = 3_000
const maxLength = 200_000

/** Where development servers have pages of their own, and what these say. umi's is asked for first: it has webpack inside. */
const pages: [Culprit, path: string, said: RegExp][] = [
  ['umi', '/__umi/api/bundle-status', /bundleStatus/],
  ['Vite', '/@vite/client', /vite/i],
  ['webpack-dev-server', '/webpack-dev-server', /Assets Report/],
]

/** Undefined when nobody can be told. */
export async function whoStandsBetween(url: URL): Promise<Culprit | undefined> {
  for (const [culprit, path, said] of pages) if (said.test(await page(new URL(path, url)))) return culprit
  return signed(await answerToNonsense(url)) ?? signed(await signs(url))
}

function signed(text: string): Culprit | undefined {
  if (/\b(nginx|openresty)\b/i.test(text)) return 'nginx'
  if (/\bcaddy\b/i.test(text)) return 'Caddy'
  if (/Your browser sent an invalid request/.test(text)) return 'HAProxy'
  return undefined
}

async function signs(url: URL): Promise<string> {
  try {
    const answer = await ask(url, {}, patienceMs)
    answer.close()
    return `${answer.header('server')} ${answer.header('via')}`
  } catch {
    return ''
  }
}

async function page(url: URL): Promise<string> {
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(patienceMs) })
    return response.status === 200 ? await response.text() : ''
  } catch {
    return ''
  }
}

/** A proxy answers a request that is none itself. */
function answerToNonsense({ protocol, hostname, port }: URL): Promise<string> {
  const host = hostname.replace(/^\[|\]$/g, '')
  const to = { host, port: Number(port || (protocol === 'https:' ? 443 : 80)) }
  return new Promise(resolve => {
    let text = ''
    const socket = protocol === 'https:' ? connectTls({ ...to, servername: host }) : connectTcp(to)
    socket.setTimeout(patienceMs, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (text.length > maxLength) socket.destroy()
    })
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n no header\r\n:\r\n\r\n')
  })
}
