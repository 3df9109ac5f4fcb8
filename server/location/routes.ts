/**
 * Which of the rooms' requests is meant: the same paths under a room's and, for the lobby, without one.
 *
 * These come by the thousand, so they are matched here at once instead of passing through Express.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { writeHead } from '../http/head.ts'
import { Problem } from '../http/problem.ts'
import type { Handler, Rooms } from './handlers.ts'

const lobby = 'lobby'
const pattern = /^(?:\/rooms\/([^/?]+))?\/location(?:\/([^/?]+))?\/?(?:\?|$)/

/** Answers the request if it is one of a room's; otherwise null. Throws a `Problem`, or rejects with it. */
export type LocationRoutes = (req: IncomingMessage, res: ServerResponse) => Promise<void> | null

export function locationRoutes({ who, publish, follow, alive, leave }: Rooms): LocationRoutes {
  const own = methods({ GET: who, HEAD: who, POST: publish })
  const byUser = methods({ DELETE: leave })
  const bySegment = new Map([
    ['', own],
    // Someone may be called `sse` or `alive`, too.
    ['sse', methods({ GET: follow, POST: follow, DELETE: leave })],
    ['alive', methods({ POST: alive, DELETE: leave })],
  ])

  return (req, res) => {
    const match = pattern.exec(req.url ?? '')
    if (!match) return null
    const [, room = lobby, segment = ''] = match
    const handler = (bySegment.get(segment) ?? byUser)(req.method ?? '')
    return handler(req, res, decoded(room), decoded(segment))
  }
}

/** The handler of each method; any other is refused, and OPTIONS says which there are (RFC 9110, section 9.3.7). */
function methods(handlers: Record<string, Handler>): (method: string) => Handler {
  const allow = [...Object.keys(handlers), 'OPTIONS'].join(', ')
  const options: Handler = async (_req, res) => void writeHead(res, 204, { Allow: allow }).end()
  return method => {
    if (method === 'OPTIONS') return options
    const handler = handlers[method]
    if (handler) return handler
    throw new Problem(405, `Only ${allow} here.`, { headers: { Allow: allow } })
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new Problem(400, 'The path is not percent-encoded rightly.')
  }
}
