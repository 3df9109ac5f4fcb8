/**
 * The relay's routes.
 */
import { type Request, type Response, Router } from 'express'
import { onlyThese } from '../http/methods.ts'
import type { Relay } from './relay.ts'

export function relayRoutes(relay: Relay): Router {
  const router = Router({ caseSensitive: true })
  router
    .route('/')
    .post((req, res) => relay.begin(req, res))
    .all(onlyThese('POST'))
  const handler = (name: 'resume' | 'stop') => (req: Request<{ run: string }>, res: Response) =>
    relay[name](req, res, req.params.run)
  router
    .route('/:run')
    .head(onlyThese('GET', 'DELETE'))
    .get(handler('resume'))
    .delete(handler('stop'))
    .all(onlyThese('GET', 'DELETE'))
  return router
}
