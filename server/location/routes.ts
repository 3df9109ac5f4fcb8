/**
 * The rooms' routes, to be mounted under a room's path or, for the lobby, without one.
 */
import { type Request, type Response, Router } from 'express'
import { onlyThese } from '../http/methods.ts'
import type { Rooms } from './rooms.ts'

const lobby = 'lobby'

export function locationRoutes(rooms: Rooms): Router {
  const router = Router({ mergeParams: true, caseSensitive: true })
  const handler = (name: keyof Rooms) => (req: Request<{ room?: string; user?: string }>, res: Response) =>
    rooms[name](req, res, req.params.room ?? lobby, req.params.user ?? '')

  router.route('/').get(handler('who')).post(handler('publish')).all(onlyThese('GET', 'POST'))
  // First, since someone may be called `sse` or `alive`.
  router.delete('/:user', handler('leave'))
  router
    .route('/sse')
    .head(onlyThese('GET', 'POST', 'DELETE'))
    .get(handler('follow'))
    .post(handler('follow'))
  router.route('/sse').all(onlyThese('GET', 'POST', 'DELETE'))
  router.route('/alive').post(handler('alive')).all(onlyThese('POST', 'DELETE'))
  router.route('/:user').all(onlyThese('DELETE'))
  return router
}
