/**
 * The rooms' requests: each reads its request, asks the broker or the hub, and answers. Knows neither Redis nor Express.
 *
 * Errors are thrown as problems; whoever routes the requests here sends them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import type { Broker, Draft } from '../broker/broker.ts'
import { type Access, refuseUnless } from '../http/access/access.ts'
import { type Caller, canActAs, canRead, canWrite } from '../http/access/caller.ts'
import { sendJson, sendNothing } from '../http/answer.ts'
import { check, readJson } from '../http/body.ts'
import { retryLater, type StreamRefusal, startEventStream } from '../http/event-stream.ts'
import { userSchema } from '../http/fields.ts'
import type { PostRate } from '../http/limits/post-rate.ts'
import type { RoomCount } from '../http/limits/room-count.ts'
import type { StreamCount } from '../http/limits/stream-count.ts'
import { Problem, problemOf, unavailable } from '../http/problem.ts'
import { queryOf } from '../http/query.ts'
import type { Hub } from '../hub/hub.ts'
import type { Ending } from '../hub/session.ts'
import { anonymousUser, knownOrNewUser } from './anonymous.ts'
import { batchSchema, bodySchema, locationOf, type PublishedBody, storedOf } from './location.ts'

export interface RoomsOptions {
  broker: Broker
  hub: Hub
  access: Access
  limits: { posts: PostRate; rooms: RoomCount; streams: StreamCount }
  /** From where a request comes, if that says anything. */
  addressOf(req: IncomingMessage): string | undefined
  /** Why nobody can have a stream here at present; null when they can. */
  refusal(): StreamRefusal | null
  onRefuse(refusal: StreamRefusal): void
  onOpen(room: string): void
  onClose(room: string, ending: Ending, durationMs: number): void
}

export type Handler = (req: IncomingMessage, res: ServerResponse, room: string, user: string) => Promise<void>

export interface Rooms {
  publish: Handler
  who: Handler
  leave: Handler
  alive: Handler
  follow: Handler
}

const roomSchema = z.string().regex(/^(?!\.{1,2}$)[\w.~:-]{1,128}$/, 'must be 1 to 128 of A–Z a–z 0–9 . _ ~ : -')
export const aliveSchema = z.object({ user: userSchema.optional() })
export const followSchema = z.object({
  user: userSchema.nullish(),
  ack: z.union([z.string(), z.number(), z.boolean()]).nullish(),
  // Whatever it is, it is never refused.
  lastEventId: z.unknown().optional(),
})

export function createRooms(options: RoomsOptions): Rooms {
  const { broker, hub, limits } = options

  const callerIn = async (req: IncomingMessage, room: string, may: (caller: Caller, room: string) => boolean) => {
    const caller = await options.access(req)
    refuseOtherRooms(room)
    refuseUnless(may(caller, room))
    return caller
  }

  /** While draining it refuses whoever asks for anything but a stream, which is told in its own way when to come back. */
  const callerNow: typeof callerIn = async (req, room, may) => {
    const caller = await callerIn(req, room, may)
    if (options.refusal() === 'draining') throw unavailable('The server is draining. Ask again.')
    return caller
  }

  const count = async (room: string, users: string[]) => {
    for (const user of users) limits.rooms.enter(user, room)
    await Promise.all(users.map(user => limits.posts.count(`${room}/${user}`)))
  }

  /** On its own, since it is kept as long as the stream: with it, request and response would be. */
  const closing = (room: string) => {
    const startedAt = performance.now()
    return (ending: Ending) => options.onClose(room, ending, performance.now() - startedAt)
  }

  return {
    async publish(req, res, room) {
      const caller = await callerNow(req, room, canWrite)
      const body = await readJson(req)
      if (Array.isArray(body)) {
        const batch = check(batchSchema, body)
        refuseUnless(batch.every(({ user }) => canActAs(caller, user)))
        await count(room, [...new Set(batch.map(({ user }) => user))])
        const receipts = await broker.publish(
          room,
          batch.map(each => draftOf(caller, each.user, each, false)),
        )
        return sendJson(res, { ids: receipts.map(({ id }) => id) })
      }
      const location = check(bodySchema, body)
      const named = location.user ?? caller.sub
      refuseUnless(canActAs(caller, named))
      const user = named ?? knownOrNewUser(req, res)
      await count(room, [user])
      const [receipt] = await broker.publish(room, [draftOf(caller, user, location, named === undefined)])
      sendJson(res, { id: receipt?.id, user, ...(receipt?.stale && { stale: true }) })
    },

    async who(req, res, room) {
      await callerNow(req, room, canRead)
      const { head, entries } = await broker.latest(room)
      const locations = entries.map(({ value, id }) => locationOf(value, id)).join(',')
      sendJson(res, `{"room":${JSON.stringify(room)},"lastEventId":"${head}","locations":[${locations}]}`)
    },

    async leave(req, res, room, user) {
      const caller = await callerNow(req, room, canWrite)
      refuseUnless(canActAs(caller, check(userSchema, user)))
      await broker.remove(room, user, 'left')
      sendNothing(res)
    },

    async alive(req, res, room) {
      const caller = await callerNow(req, room, canWrite)
      const user = check(aliveSchema, await readJson(req)).user ?? caller.sub ?? anonymousUser(req)
      if (user === undefined) throw new Problem(400, 'Nobody is named, and no cookie says who it is.')
      refuseUnless(canActAs(caller, user))
      await broker.alive(room, user)
      sendNothing(res)
    },

    async follow(req, res, room) {
      const refuse = (refusal: StreamRefusal) => {
        options.onRefuse(refusal)
        retryLater(res)
      }
      try {
        const caller = await callerIn(req, room, canRead)
        const params = check(
          followSchema,
          req.method === 'POST' ? await readJson(req) : Object.fromEntries(queryOf(req)),
        )
        if (params.user) refuseUnless(canActAs(caller, params.user))
        const known = caller.sub ?? anonymousUser(req)
        const user = params.user ?? (canActAs(caller, known) ? known : undefined)
        const refusal = options.refusal()
        if (refusal) return refuse(refusal)
        if (req.socket.destroyed) return
        const leave = limits.streams.enter(options.addressOf(req), user)
        if (!leave) return refuse('limit')
        // Whatever the answer is from here on, it ends with its connection.
        req.socket.once('close', leave)
        await hub.join({
          topic: room,
          key: user,
          ack: String(params.ack) === '1' || params.ack === true,
          lastEventId: header(req, 'last-event-id') || idOf(params.lastEventId),
          untilMs: caller.expiresAt,
          open() {
            const stream = startEventStream(res)
            if (stream) options.onOpen(room)
            return stream
          },
          onClose: closing(room),
        })
      } catch (error) {
        if (problemOf(error).status !== 503) throw error
        refuse('store')
      }
    },
  }
}

/** What the token says of its own collaborator wins; of the others it says nothing. */
function draftOf({ sub, name, color }: Caller, user: string, body: PublishedBody, guest: boolean): Draft {
  const claimed = user === sub ? { ...(name !== undefined && { name }), ...(color !== undefined && { color }) } : {}
  return { key: user, value: storedOf(user, { ...body, ...claimed }, guest), seq: body.seq }
}

function refuseOtherRooms(room: string): void {
  const { error } = roomSchema.safeParse(room)
  if (error) throw new Problem(400, `A room’s name ${error.issues[0]?.message}.`)
}

/** What is no text is no event's id; null is none. */
function idOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return value === null || value === undefined ? undefined : 'unknown'
}

function header(req: IncomingMessage, name: string): string | undefined {
  return req.headers[name]?.toString()
}
