/**
 * The handlers of the rooms' routes. Each calls the broker or the hub once and answers.
 */
import type { IncomingMessage } from 'node:http'
import { type Broker, beginning, type Draft, type Receipt } from '../broker/broker.ts'
import { type Caller, canActAs } from '../http/access/caller.ts'
import { startEventStream } from '../http/event-stream.ts'
import type { PostRate } from '../http/limits/post-rate.ts'
import type { RoomCount } from '../http/limits/room-count.ts'
import type { StreamLimit } from '../http/limits/stream-limit.ts'
import { Problem } from '../http/problem.ts'
import { sendJson, sendNoContent } from '../http/response.ts'
import type { RequestContext } from '../http/route.ts'
import type { Hub } from '../hub/hub.ts'
import type { Ending } from '../hub/session.ts'
import { anonymousUser, createAnonymousUser } from './anonymous.ts'
import { storedOf } from './location.ts'
import type { FollowInput, LeaveInput, PublishedLocation } from './requests.ts'
import { RoomLists } from './room-lists.ts'

export interface LocationOptions {
  broker: Broker
  hub: Hub
  /** How many collaborators a room holds at most. The broker counts them. */
  roomSize: number
  posts: PostRate
  rooms: RoomCount
  streams: StreamLimit
  isStoreAway(): boolean
  onOpen(room: string): void
  onClose(room: string, ending: Ending, durationMs: number): void
}

type Published = PublishedLocation | PublishedLocation[]
type Alive = { user?: string | undefined }

export type LocationHandlers = ReturnType<typeof createLocationHandlers>

export function createLocationHandlers(options: LocationOptions) {
  const { broker, hub, roomSize, posts, rooms, streams, isStoreAway, onOpen, onClose } = options
  const lists = new RoomLists(broker, hub, isStoreAway)

  async function publishTo(room: string, drafts: Draft[]): Promise<Receipt[]> {
    const receipts = await broker.publish(room, drafts)
    if (!receipts) throw new Problem(403, `The room is full: it holds at most ${roomSize} collaborators.`)
    return receipts
  }

  return {
    /** Counts a publish towards the rates of its collaborators. A new anonymous collaborator has none yet. */
    async countPublish(context: RequestContext<Published>): Promise<void> {
      const { room = '' } = context.params
      const known = authorsOf(context).map(user => user ?? anonymousUser(context.req))
      const users = new Set(known.filter(user => user !== undefined))
      for (const user of users) rooms.enter(user, room)
      await Promise.all([...users].map(user => posts.count(`${room}/${user}`)))
    },

    async publish({ req, res, params: { room = '' }, caller, input }: RequestContext<Published>): Promise<void> {
      if (Array.isArray(input)) {
        const receipts = await publishTo(
          room,
          input.map(location => draftOf(caller, location.user ?? '', location, false)),
        )
        lists.changed(room, receipts.at(-1)?.id ?? beginning)
        return sendJson(res, { ids: receipts.map(({ id }) => id) })
      }
      const named = input.user ?? caller.sub
      const user = named ?? anonymousUser(req) ?? createAnonymousUser(res)
      const [receipt] = await publishTo(room, [draftOf(caller, user, input, named === undefined)])
      lists.changed(room, receipt?.id ?? beginning)
      sendJson(res, { id: receipt?.id, user, ...(receipt?.stale && { stale: true }) })
    },

    async list({ res, params: { room = '' } }: RequestContext): Promise<void> {
      sendJson(res, await lists.get(room))
    },

    async leave({ res, params: { room = '', user = '' }, input }: RequestContext<LeaveInput>): Promise<void> {
      const head = await (input.when === 'closed' ? broker.endGrace(room, user) : broker.remove(room, user, 'left'))
      lists.changed(room, head)
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
export function authorsOf({ caller, input }: RequestContext<Published>): (string | undefined)[] {
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

/** The token's name and colour win over the body's, for the token's own collaborator. */
function draftOf({ sub, name, color }: Caller, user: string, location: PublishedLocation, isAnonymous: boolean): Draft {
  const claims = user === sub ? { ...(name !== undefined && { name }), ...(color !== undefined && { color }) } : {}
  return { key: user, value: storedOf(user, { ...location, ...claims }, isAnonymous), seq: location.seq }
}

/** The header wins over the field. A field that is not a string is an unknown id; null means none. */
function lastEventIdOf(req: IncomingMessage, field: unknown): string | undefined {
  const header = req.headers['last-event-id']?.toString()
  if (header) return header
  if (typeof field === 'string') return field
  return field === null || field === undefined ? undefined : 'unknown'
}

/** A function of its own: the listener lives as long as the stream, and its closure must not hold the request. */
function closeListener(room: string, onClose: LocationOptions['onClose']): (ending: Ending) => void {
  const startedAt = performance.now()
  return ending => onClose(room, ending, performance.now() - startedAt)
}
