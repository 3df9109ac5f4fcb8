/**
 * The rooms' requests: each reads its request, asks the broker or the hub, and answers. Knows neither Redis nor Express.
 *
 * Errors are thrown as problems; whoever routes the requests here sends them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { type Broker, type Draft, Unavailable } from '../broker/broker.ts'
import { sendJson, sendNothing } from '../http/answer.ts'
import { check, readJson } from '../http/body.ts'
import { comeBackLater, startEventStream } from '../http/event-stream.ts'
import { refuseOtherOrigins } from '../http/origin.ts'
import { Problem } from '../http/problem.ts'
import type { Hub } from '../hub/hub.ts'
import type { Ending } from '../hub/session.ts'
import { anonymousUser, knownOrNewUser } from './collaborator.ts'
import { batchSchema, bodySchema, locationOf, storedOf, userSchema } from './location.ts'

export interface RoomsOptions {
  broker: Broker
  hub: Hub
  corsOrigins: readonly string[]
  /** Whether no new streams are to be had. */
  isDraining(): boolean
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
const aliveSchema = z.object({ user: userSchema.optional() })
const followSchema = z.object({
  user: userSchema.optional(),
  ack: z.union([z.string(), z.number(), z.boolean()]).optional(),
  lastEventId: z.string().optional(),
})

export function createRooms(options: RoomsOptions): Rooms {
  const { broker, hub, corsOrigins } = options

  return {
    async publish(req, res, room) {
      refuseOtherRooms(room)
      refuseOtherOrigins(req, corsOrigins)
      const body = await readJson(req)
      if (Array.isArray(body)) {
        const drafts = check(batchSchema, body).map(said => draftOf(said.user, said, false))
        const receipts = await broker.publish(room, drafts)
        return sendJson(res, { ids: receipts.map(({ id }) => id) })
      }
      const said = check(bodySchema, body)
      const user = said.user ?? knownOrNewUser(req, res)
      const [receipt] = await broker.publish(room, [draftOf(user, said, said.user === undefined)])
      sendJson(res, { id: receipt?.id, user, ...(receipt?.stale && { stale: true }) })
    },

    async who(_req, res, room) {
      refuseOtherRooms(room)
      const { head, entries } = await broker.latest(room)
      const locations = entries.map(({ value, id }) => locationOf(value, id)).join(',')
      sendJson(res, `{"room":${JSON.stringify(room)},"lastEventId":"${head}","locations":[${locations}]}`)
    },

    async leave(req, res, room, user) {
      refuseOtherRooms(room)
      refuseOtherOrigins(req, corsOrigins)
      await broker.remove(room, check(userSchema, user), 'left')
      sendNothing(res)
    },

    async alive(req, res, room) {
      refuseOtherRooms(room)
      refuseOtherOrigins(req, corsOrigins)
      const user = check(aliveSchema, await readJson(req)).user ?? anonymousUser(req)
      if (user === undefined) throw new Problem(400, 'Nobody is named, and no cookie says who it is.')
      await broker.alive(room, user)
      sendNothing(res)
    },

    async follow(req, res, room) {
      refuseOtherRooms(room)
      const isPost = req.method === 'POST'
      if (isPost) refuseOtherOrigins(req, corsOrigins)
      const wish = check(followSchema, isPost ? await readJson(req) : queryOf(req))
      if (options.isDraining() || hub.isFull) return comeBackLater(res)
      const startedAt = performance.now()
      const join = {
        topic: room,
        key: wish.user ?? anonymousUser(req),
        ack: String(wish.ack) === '1' || wish.ack === true,
        lastEventId: header(req, 'last-event-id') || wish.lastEventId,
        open() {
          const stream = startEventStream(res)
          if (stream) options.onOpen(room)
          return stream
        },
        onClose: (ending: Ending) => options.onClose(room, ending, performance.now() - startedAt),
      }
      await hub.join(join).catch(error => {
        if (!(error instanceof Unavailable)) throw error
        comeBackLater(res)
      })
    },
  }
}

function draftOf(user: string, said: z.infer<typeof bodySchema>, guest: boolean): Draft {
  return { key: user, value: storedOf(user, said, guest), seq: said.seq }
}

function refuseOtherRooms(room: string): void {
  const { error } = roomSchema.safeParse(room)
  if (error) throw new Problem(400, `A room’s name ${error.issues[0]?.message}.`)
}

function queryOf({ url = '' }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(url.split('?', 2)[1]))
}

function header(req: IncomingMessage, name: string): string | undefined {
  return req.headers[name]?.toString()
}
