/**
 * Colocate as a library: presence inside your own application.
 *
 *     const colocate = await createColocate({ authorize: req => ({ user: req.session.user, rooms: ['budget'] }) })
 *     app.use('/presence', colocate.handler)
 */
import { env } from 'node:process'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Logger, pino } from 'pino'
import type { Location } from '../web/wire.ts'
import { createApp } from './app.ts'
import type { Config } from './config/config.ts'
import { type ColocateOptions, libraryConfig } from './config/library.ts'
import { everyone } from './http/access/caller.ts'
import { check } from './http/body.ts'
import { roomSchema, userSchema } from './http/fields.ts'
import type { ShareMetrics } from './http/metrics.ts'
import type { Handler } from './http/router.ts'
import { batchSchema, locationSchema, type PublishedLocation } from './location/requests.ts'
import type { Published } from './location/rooms.ts'

export type { Location } from '../web/wire.ts'
export { ConfigError } from './config/config.ts'
export type { ColocateOptions, RedisOptions, UpstreamOption } from './config/library.ts'
export type { Authorize, Permission } from './http/access/permission.ts'
export { Problem } from './http/problem.ts'
export type { Handler } from './http/router.ts'
export type { PublishedLocation } from './location/requests.ts'
export type { Published } from './location/rooms.ts'

/** A location published on behalf of a collaborator. */
export type OwnedLocation = PublishedLocation & { user: string }

/** The answer of `locations`. */
export interface RoomList {
  room: string
  lastEventId: string
  locations: Location[]
}

export interface Colocate {
  /** Serves everything of Colocate below the path where it is mounted. Passes other paths to `next`; without it, they are 404. */
  readonly handler: Handler
  /** Publishes a location. Rejects with a `Problem` (400, 403, 429), and with an error whose code is `unavailable`. */
  publish(room: string, location: OwnedLocation): Promise<Published>
  /** Publishes up to 1,000 locations, all or none. Rejects as above. */
  publish(room: string, locations: OwnedLocation[]): Promise<{ ids: string[] }>
  /** Lists who is where in a room. */
  locations(room: string): Promise<RoomList>
  /** Removes a collaborator from a room, whether or not they are there. */
  remove(room: string, user: string): Promise<void>
  /** Returns null if it can serve, or the reason why it can't. */
  ready(): string | null
  /** The metrics as Prometheus text. Node's own metrics are left to the application. */
  metrics(): Promise<string>
  /**
   * Ends every stream over `drainMs`, and releases everything. From then on requests are answered 503. The server that the
   * handler is mounted in goes on. A second call returns the first one's promise.
   */
  close(): Promise<void>
}

/** @internal Options that only the command line sets. */
export interface CommandLine {
  /** From variables and flags, in place of the options. */
  config: Config
  /** Makes the metrics those of all workers. */
  shareMetrics: ShareMetrics | undefined
}

/** @internal */
export interface CommandLineColocate extends Colocate {
  /** Serves `/metrics` without authentication, on a separate port. */
  readonly adminHandler: Handler
}

/** The built page; also when the TypeScript source runs. */
const builtPage = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../dist/web' : '../web', import.meta.url))

/** How long the start waits for the store, and how often it checks. */
const storeMs = 2_000
const checkMs = 10

/**
 * Starts Colocate inside this process. Resolves once it can serve, or after two seconds with the store still away: `ready`
 * has the reason. Rejects with a `ConfigError` that names each option that is not valid.
 */
export function createColocate(options?: ColocateOptions): Promise<Colocate>
/** @internal */
export function createColocate(options: ColocateOptions, commandLine: CommandLine): Promise<CommandLineColocate>
export async function createColocate(options: ColocateOptions = {}, commandLine?: CommandLine): Promise<Colocate> {
  const { logger = silent(), page = false, authorize } = options
  const app = createApp(commandLine?.config ?? libraryConfig(options, env), logger, {
    pageFolder: page ? builtPage : undefined,
    authorize,
    hasProcessMetrics: commandLine !== undefined,
    shareMetrics: commandLine?.shareMetrics,
  })
  for (let waited = 0; app.unavailableReason() && waited < storeMs; waited += checkMs) await setTimeout(checkMs)
  let closing: Promise<void> | undefined

  async function publish(room: string, location: OwnedLocation): Promise<Published>
  async function publish(room: string, locations: OwnedLocation[]): Promise<{ ids: string[] }>
  async function publish(room: string, input: OwnedLocation | OwnedLocation[]): Promise<Published | { ids: string[] }> {
    checkRoom(room)
    if (Array.isArray(input)) {
      const locations = check(batchSchema, input, 'The locations are not valid. See "errors".')
      await app.rooms.count(
        room,
        locations.map(({ user }) => user),
      )
      return app.rooms.publishBatch(room, everyone, locations)
    }
    const location = check(
      locationSchema.extend({ user: userSchema }),
      input,
      'The location is not valid. See "errors".',
    )
    await app.rooms.count(room, [location.user])
    return app.rooms.publish(room, everyone, location.user, location)
  }

  return {
    handler: app.handler,
    publish,
    async locations(room) {
      checkRoom(room)
      return JSON.parse((await app.rooms.list(room)).toString())
    },
    async remove(room, user) {
      checkRoom(room)
      await app.rooms.leave(room, check(userSchema, user, 'The user is not valid. See "errors".'))
    },
    ready: app.unavailableReason,
    metrics: async () => (await app.metrics.text()).text,
    close() {
      closing ??= app.close()
      return closing
    },
    ...(commandLine && { adminHandler: app.adminHandler }),
  }
}

function checkRoom(room: string): void {
  check(roomSchema, room, 'The name of the room is not valid. See "errors".')
}

function silent(): Logger {
  return pino({ level: 'silent' })
}
