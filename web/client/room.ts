/**
 * A room: its collaborators, and the local collaborator, who is `self`. Connects the parts of the client.
 */

import type { Location } from '../wire.ts'
import { sendDeparture, sendLastDeparture } from './departure.ts'
import type { Entry } from './entries.ts'
import type { ColocateError } from './errors.ts'
import { watchPage, whenActivated } from './page-lifecycle.ts'
import { readChanges } from './read-changes.ts'
import { Requests } from './requests.ts'
import type { RoomLink, RoomUpdate } from './room-connection.ts'
import { RoomEvents } from './room-events.ts'
import { createRoomLink, loadSharing } from './room-link.ts'
import { RoomState } from './room-state.ts'
import { roomUrl } from './room-url.ts'
import { SelfPresence } from './self-presence.ts'
import { TokenSource } from './token.ts'
import type { Collaborator, Room, RoomChange, RoomOptions, RoomStatus, Transport } from './types.ts'
import { untilAborted } from './until-aborted.ts'

export class RoomClient<Meta extends object> implements Room<Meta> {
  readonly name: string
  self: Collaborator<Meta> | undefined
  status: RoomStatus = 'connecting'
  error: ColocateError | undefined
  transport: Transport = 'stream'
  readonly #options: RoomOptions<Meta>
  readonly #state = new RoomState<Meta>()
  readonly #events = new RoomEvents<Meta>()
  readonly #tokens: TokenSource
  readonly #requests: Requests
  readonly #me: SelfPresence<Meta>
  readonly #ending = new AbortController()
  #url = ''
  #link: RoomLink | undefined
  #sharing: Awaited<ReturnType<typeof loadSharing>>
  #lastEventId = ''
  #others: readonly Collaborator<Meta>[] | undefined
  #leaving: Promise<void> | undefined

  constructor(name: string, options: RoomOptions<Meta>) {
    const { location, signal } = options
    this.name = name
    this.#options = options
    this.#tokens = new TokenSource({
      ...options,
      onError: error => this.#events.emit('error', error),
      onRenewed: () => this.#link?.renew(),
    })
    this.#requests = new Requests({
      ...options,
      tokens: this.#tokens,
      onRequest: answer => this.#link?.watch?.(answer),
    })
    this.#me = new SelfPresence<Meta>({
      options,
      requests: this.#requests,
      // The caller adds its listeners first.
      started: Promise.resolve().then(() => this.#start()),
      find: user => this.#state.get(user),
      onChange: () => this.#refreshSelf(),
      onIdentity: isKnown => this.#onIdentity(isKnown),
      onRefused: error => this.#events.emit('error', error),
    })
    if (location) this.#me.move(location)
    signal?.addEventListener('abort', this.leave, { once: true, signal: this.#ending.signal })
    if (signal?.aborted) void this.leave()
  }

  get others() {
    this.#others ??= this.#state.others(this.#me.location.user)
    return this.#others
  }

  // Properties, so that they work unbound.
  readonly move: Room<Meta>['move'] = move => {
    if (!this.#leaving) this.#me.move(move)
  }

  readonly update: Room<Meta>['update'] = identity => {
    if (!this.#leaving) this.#me.update(identity)
  }

  readonly settled = () => this.#me.settled()
  readonly subscribe = this.#events.subscribe
  readonly on: Room<Meta>['on'] = this.#events.on
  readonly [Symbol.asyncIterator] = () => readChanges<Meta>(this)

  readonly reconnect = () => {
    if (this.#leaving || !this.#link || (this.status === 'live' && this.transport === 'stream')) return
    if (this.status === 'closed') this.#onUpdate({ status: 'reconnecting' })
    this.#link.open()
    if (this.transport === 'polling') this.#link.renew()
    this.#me.wake()
  }

  readonly leave = () => {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  readonly [Symbol.asyncDispose] = () => this.leave()

  /** Resolves when requests may be sent: with the room's URL, or with the error that forbids them. */
  async #start(): Promise<string | ColocateError> {
    const url = roomUrl(this.name, this.#options.url)
    if (typeof url !== 'string') {
      this.#onUpdate({ status: 'closed', error: url })
      return url
    }
    this.#url = url
    const prepared = async () => {
      await whenActivated()
      if (this.#options.shareStream ?? true) this.#sharing = await loadSharing()
      await this.#tokens.get()
    }
    await untilAborted(this.#ending.signal, prepared).catch(() => {})
    if (this.#leaving) return url
    this.#me.identify(this.#options.user ?? this.#tokens.subject)
    this.#refreshSelf()
    this.#watchPage()
    // An anonymous collaborator receives the cookie with the first answer. A stream that is opened earlier would not
    // belong to them.
    if (this.#me.location.user !== undefined || !this.#options.location) this.#connect()
    return url
  }

  #watchPage(): void {
    const listeners = {
      onWake: () => {
        this.#link?.wake()
        this.#me.wake()
      },
      onHidden: () => this.#link?.hide?.(),
      onOffline: () => this.#link?.lose(),
      onUnload: () => this.#unload(),
      onReturn: () => this.#connect(),
    }
    watchPage(listeners, this.#ending.signal)
  }

  #connect(): void {
    this.#disconnect()
    if (this.#leaving || this.#url === '') return
    const { named, location } = this.#me
    const options = {
      // Without cookies, two tabs that name no user are two collaborators.
      sharedBy: location.user ?? (this.#options.credentials === 'omit' ? undefined : ''),
      url: this.#url,
      requests: this.#requests,
      user: named,
      hasLease: () => this.#me.location.user !== undefined,
      lastEventId: this.#lastEventId,
      locations: () => this.#state.all() as unknown as Location[],
      onUpdate: (update: RoomUpdate) => this.#onUpdate(update),
    }
    this.#link = createRoomLink(options, this.#sharing)
    this.#link.open()
  }

  #disconnect(): void {
    this.#link?.close(true)
    this.#link = undefined
  }

  /**
   * Disconnects while only the server knows the local collaborator's id, because events could then be about this
   * collaborator. Connects again when the id is known, because the stream of a watcher belongs to no collaborator.
   */
  #onIdentity(isKnown: boolean): void {
    this.#events.batch(() => {
      this.#others = undefined
      this.#events.changed()
    })
    if (isKnown) this.#connect()
    else this.#disconnect()
  }

  #onUpdate({ entries = [], status, error, transport = this.transport }: RoomUpdate): void {
    if (this.#leaving) return
    this.#events.batch(() => {
      const changes = entries.flatMap(entry => this.#apply(entry))
      this.#refreshSelf()
      if (transport !== this.transport) this.#events.changed()
      this.transport = transport
      for (const change of changes) this.#events.emit(change.type, change)
      if (status) this.#setStatus(status, error)
    })
    if (status === 'live') this.#me.wake()
  }

  /** Returns what changed about others. */
  #apply(entry: Entry): RoomChange<Meta>[] {
    const { id, event } = entry
    if (id !== '') this.#lastEventId = id
    const { user } = this.#me.location
    const changes = this.#state.apply(entry).filter(({ collaborator }) => collaborator.user !== user)
    this.#me.hear(entry)
    if (changes.length > 0 || (event.type === 'location' && event.user !== user)) {
      this.#others = undefined
      this.#events.changed()
    }
    return changes
  }

  #refreshSelf(): void {
    const { shown } = this.#me.location
    if (shown === this.self) return
    this.#events.batch(() => {
      this.self = shown
      this.#events.changed()
    })
  }

  #setStatus(status: RoomStatus, error?: ColocateError): void {
    // Attempts before the first connection do not count as reconnections.
    if (status === 'reconnecting' && this.status === 'connecting') return
    if (status === this.status && error === this.error) return
    this.status = status
    this.error = error
    this.#events.changed()
    this.#events.emit('status', status, error)
  }

  async #leave(): Promise<void> {
    const link = this.#link
    this.#ending.abort()
    this.#events.batch(() => this.#setStatus('closed'))
    const isShared = await link?.isShared?.()
    link?.close()
    await this.#me.close()
    const user = this.#me.present
    if (user !== undefined && !isShared) await sendDeparture(this.#requests, this.#url, user)
    this.#tokens.close()
  }

  #unload(): void {
    const user = this.#me.present
    const isShared = this.#link?.hasPeers
    this.#disconnect()
    if (user !== undefined && !isShared) sendLastDeparture(this.#requests, this.#url, user)
    this.#onUpdate({ status: 'reconnecting' })
  }
}
