/**
 * Under which names a server that is open to its own machine alone may be asked.
 */
import type { IncomingMessage } from 'node:http'
import { Problem } from './problem.ts'

const loopback = /^(([a-z0-9-]+\.)*localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i

/**
 * Throws a 403 `Problem`. A foreign page whose name was made to mean this machine (DNS rebinding) still says that name; who
 * says none is no browser, but perhaps a health check.
 */
export function refuseOtherHosts({ headers }: IncomingMessage): void {
  if (headers.host === undefined || loopback.test(headers.host)) return
  throw new Problem(403, 'Open to everyone on its own machine, this server answers to localhost alone.')
}
