/**
 * `colocate top <url>`: a live view of a server's metrics.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Samples } from './samples.ts'
import { viewOf } from './view.ts'

interface Output {
  write(text: string): unknown
  isTTY?: boolean
}

export interface TopOptions {
  url?: string | undefined
  token?: string
  once?: string
}

const usage = 'Usage: colocate top <url> [options]\n'
/** Between two readings. */
const intervalMs = 2_000
const onceIntervalMs = 1_000
const timeoutMs = 5_000
/** Moves the cursor to the top left and clears what is below it. */
const redraw = '\x1b[H\x1b[J'
const clear = '\x1b[2J'

/** Resolves with the exit code. On a terminal, it runs until the process ends. */
export async function top({ url = '', token, once }: TopOptions, out: Output, err: Output): Promise<0 | 1> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    err.write(usage)
    return 1
  }
  const read = () => readSamples(metricsUrl(url), token)
  let before: Samples
  try {
    before = await read()
  } catch (error) {
    err.write(`${(error as Error).message}\n`)
    return 1
  }
  if (once !== undefined || !out.isTTY) {
    await delay(onceIntervalMs)
    out.write(`${viewOf(url, before, await read())}\n`)
    return 0
  }
  out.write(clear)
  for (;;) {
    await delay(intervalMs)
    try {
      const now = await read()
      out.write(`${redraw}${viewOf(url, before, now)}\n\nCtrl+C ends.\n`)
      before = now
    } catch (error) {
      out.write(`${redraw}${(error as Error).message}\n\nCtrl+C ends.\n`)
    }
  }
}

/** The metrics are below the address of the server, unless the address already names them. */
function metricsUrl(url: string): URL {
  const base = new URL(url)
  base.search = base.hash = ''
  if (!base.pathname.endsWith('/metrics')) base.pathname = `${base.pathname.replace(/\/*$/, '')}/metrics`
  return base
}

async function readSamples(url: URL, token: string | undefined): Promise<Samples> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) }).catch((error: Error) => {
    const { code = error.message } = (error.cause ?? {}) as NodeJS.ErrnoException
    throw new Error(`${url.origin} cannot be reached: ${code}.`)
  })
  if (response.status === 401 || response.status === 403) {
    throw new Error(`${url} answers ${response.status}: use --token with a token that has the scope "metrics".`)
  }
  const samples = new Samples(response.ok ? await response.text() : '', performance.now())
  if (samples.has('colocate_build_info')) return samples
  throw new Error(
    `${url} has no metrics of Colocate (status ${response.status}). With ADMIN_PORT, they are on that port.`,
  )
}
