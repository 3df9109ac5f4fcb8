/**
 * The handlers of the rooms' routes. Each calls the broker or the hub once and answers.
 */
import type { IncomingMessage } from 'node:http'
import type { Broker } from '../broker/broker.ts'
import { canActAs } from '../http/access/caller.ts'
import { startEventStream } from '../http/event-stream.ts'
import type { StreamLimit } from '../http/limits/stream-limit.ts'
import { Problem } from '../http/problem.ts'
import { sendJson, sendNoContent } from '../http/response.ts'
import type { RequestContext } from '../http/route.ts'
import type { Hub } from '../hub/hub.ts'
import type { Ending } from '../hub/session.ts'
import { anonymousUser, createAnonymousUser } from './anonymous.ts'
import type { FollowInput, LeaveInput, PublishedLocation } from './requests.ts'
import type { Rooms } from './rooms.ts'

export interface LocationOptions {
  rooms: Rooms
  broker: Broker
  hub: Hub
  streams: StreamLimit
  onOpen(room: string): void
  onClose(room: string, ending: Ending, durationMs: number): void
}

type PublishInput = PublishedLocation | PublishedLocation[]
type Alive = { user?: string | undefined }

export type LocationHandlers = ReturnType<typeof createLocationHandlers>

export function createLocationHandlers({ rooms, broker, hub, streams, onOpen, onClose }: LocationOptions) {
  return {
    /** Counts a publish towards the rates of its collaborators. A new anonymous collaborator has none yet. */
    countPublish(context: RequestContext<PublishInput>): Promise<void> {
      const users = authorsOf(context).map(user => user ?? anonymousUser(context.req))
      return rooms.count(
        context.params.room ?? '',
        users.filter(user => user !== undefined),
      )
    },

    async publish({ req, res, params: { room = '' }, caller, input }: RequestContext<PublishInput>): Promise<void> {
      if (Array.isArray(input)) return sendJson(res, await rooms.publishBatch(room, caller, input))
      const user = input.user ?? caller.sub ?? anonymousUser(req) ?? createAnonymousUser(res)
      sendJson(res, await rooms.publish(room, caller, user, input))
    },

    async list({ res, params: { room = '' } }: RequestContext): Promise<void> {
      sendJson(res, await rooms.list(room))
    },

    async leave({ res, params: { room = '', user = '' }, input }: RequestContext<LeaveInput>): Promise<void> {
      await rooms.leave(room, user, input.when)
      sendNoContent(res)
    },

    async alive(context: RequestContext<Alive>): Promise<void> {
      const [user] = aliveUser(context)
      if (user === undefined) {
        throw new Problem(400, 'Name the collaborator: send "user", or the cookie "colocate_user".')
      }
      await broker.alive(context.params.room ?? '', user)
      sendNoContent(context.res)
    },

    countStream: (context: RequestContext<FollowInput>) => streams.enter(context.req, followerOf(context)),

    async follow(context: RequestContext<FollowInput>): Promise<void> {
      const { req, res, params, caller, input } = context
      const { room = '' } = params
      if (req.socket.destroyed) return
      await hub.join({
        topic: room,
        key: followerOf(context),
        ack: String(input.ack) === '1' || input.ack === true,
        lastEventId: lastEventIdOf(req, input.lastEventId),
        untilMs: caller.expiresAt,
        open() {
          const stream = startEventStream(res)
          if (stream) onOpen(room)
          return stream
        },
        onClose: closeListener(room, onClose),
      })
    },
  }
}

/** The collaborators whose locations a publish sets. Undefined is an anonymous collaborator. */
export function authorsOf({ caller, input }: RequestContext<PublishInput>): (string | undefined)[] {
  return Array.isArray(input) ? input.map(({ user }) => user) : [input.user ?? caller.sub]
}

export function aliveUser({ req, caller, input }: RequestContext<Alive>): [string | undefined] {
  return [input.user ?? caller.sub ?? anonymousUser(req)]
}

/** The collaborator that a stream names, if any. Without a name, a stream never needs more than the right to read. */
export function namedFollower({ input }: RequestContext<FollowInput>): string[] {
  return input.user ? [input.user] : []
}

export function leaverOf({ params }: RequestContext<LeaveInput>): (string | undefined)[] {
  return [params.user]
}

/** The collaborator whose lease a stream keeps, if any. */
function followerOf({ req, caller, input }: RequestContext<FollowInput>): string | undefined {
  if (input.user) return input.user
  const known = caller.sub ?? anonymousUser(req)
  return canActAs(caller, known) ? known : undefined
}

/** The header wins over the field. A field that is not a string is an unknown id; null means none. */
function lastEventIdOf(req: IncomingMessage, field: unknown): string | undefined {
  const header = req.headers['last-event-id']?.toString()
  if (header) return header
  if (typeof field === 'string') return field
  return field === null || field === undefined ? undefined : 'unknown'
}

/** A function of its own: the listener lives as long as the stream, and its closure must not hold the request. */
function closeListener(
  room: string,
  onClose: LocationOptions['onClose'],
): (ending: Ending, durationMs: number) => void {
  return (ending, durationMs) => onClose(room, ending, durationMs)
}
