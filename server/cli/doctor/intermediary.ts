/**
 * Identifies the proxy or development server between the client and the server: by its own pages, by its answer to an
 * invalid request, or by headers such as `Server`, `Via` and `X-Powered-By`.
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
  return (
    proxyNamedIn(await answerToInvalidRequest(url)) ??
    proxyNamedIn(await namingHeaders(url)) ??
    // Next answers this itself, whatever it forwards.
    proxyNamedIn(await namingHeaders(new URL('/_next/static/none', url)))
  )
}

function proxyNamedIn(text: string): Intermediary | undefined {
  return names.find(([, pattern]) => pattern.test(text))?.[0]
}

const names: [Intermediary, RegExp][] = [
  ['Varnish', /\bvarnish\b/i],
  ['nginx', /\b(nginx|openresty)\b/i],
  ['Caddy', /\bcaddy\b/i],
  ['HAProxy', /Your browser sent an invalid request/],
  ['lighttpd', /\blighttpd\b/i],
  ['Apache', /\bApache\b/],
  ['Next', /\bNext\.js\b/],
]

/** The headers in which intermediaries name themselves, as text. */
async function namingHeaders(url: URL): Promise<string> {
  try {
    const answer = await requestStream(url, {}, timeoutMs)
    answer.close()
    const isVarnish = answer.header('x-varnish') !== ''
    const values = ['server', 'via', 'x-powered-by'].map(name => answer.header(name))
    return [...values, isVarnish ? 'varnish' : ''].join(' ')
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
