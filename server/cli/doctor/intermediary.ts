/**
 * Identifies the proxy or development server between the client and the server: by its own pages, by its answer to an
 * invalid request, or by the headers `Server` and `Via`.
 */
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { requestStream } from './observed-stream.ts'
import type { Intermediary } from './remedies.ts'

const timeoutMs = 3_000
const maxLength = 200_000

/** Pages of development servers. umi's comes first, because umi contains webpack. */
const pages: [Intermediary, path: string, content: RegExp][] = [
  ['umi', '/__umi/api/bundle-status', /bundleStatus/],
  ['Vite', '/@vite/client', /vite/i],
  ['webpack-dev-server', '/webpack-dev-server', /Assets Report/],
]

/** Resolves with undefined if the intermediary is unknown. */
export async function identifyIntermediary(url: URL): Promise<Intermediary | undefined> {
  for (const [intermediary, path, content] of pages) {
    if (content.test(await readPage(new URL(path, url)))) return intermediary
  }
  return proxyNamedIn(await answerToInvalidRequest(url)) ?? proxyNamedIn(await serverHeaders(url))
}

function proxyNamedIn(text: string): Intermediary | undefined {
  if (/\b(nginx|openresty)\b/i.test(text)) return 'nginx'
  if (/\bcaddy\b/i.test(text)) return 'Caddy'
  if (/Your browser sent an invalid request/.test(text)) return 'HAProxy'
  return undefined
}

async function serverHeaders(url: URL): Promise<string> {
  try {
    const answer = await requestStream(url, {}, timeoutMs)
    answer.close()
    return `${answer.header('server')} ${answer.header('via')}`
  } catch {
    return ''
  }
}

async function readPage(url: URL): Promise<string> {
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) })
    return response.status === 200 ? await response.text() : ''
  } catch {
    return ''
  }
}

/** A proxy answers an invalid request itself. */
function answerToInvalidRequest({ protocol, hostname, port }: URL): Promise<string> {
  const host = hostname.replace(/^\[|\]$/g, '')
  const to = { host, port: Number(port || (protocol === 'https:' ? 443 : 80)) }
  return new Promise(resolve => {
    let text = ''
    const socket = protocol === 'https:' ? connectTls({ ...to, servername: host }) : connectTcp(to)
    socket.setTimeout(timeoutMs, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (text.length > maxLength) socket.destroy()
    })
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n no header\r\n:\r\n\r\n')
  })
}
