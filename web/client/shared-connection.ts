/**
 * One connection for all tabs of a collaborator in a room. One tab, the leader, holds the connection and sends its
 * entries to the other tabs. Every tab has the state and the last id of the room, so any of them can replace the
 * leader.
 */
import type { Location } from '../wire.ts'
import type { Entry } from './entries.ts'
import { isAbove } from './event-ids.ts'
import { LeaderLock } from './leader-lock.ts'
import { isHidden } from './page-lifecycle.ts'
import { PeerTabs } from './peer-tabs.ts'
import { RecentEntries } from './recent-entries.ts'
import type { RoomLink, RoomUpdate } from './room-connection.ts'
import type { Draft, Message, State } from './sharing-messages.ts'
import { SlowRequests } from './slow-requests.ts'

const BEAT_MS = 10_000
/** A leader that says nothing for longer is frozen: its lock is taken. */
const DEAD_MS = 45_000
/** A leader that does not answer a new tab is frozen, too. */
const ANSWER_MS = 5_000
/** How long the old leader goes on until the new one's stream is open. */
const HAND_OVER_MS = 3_000

export interface SharedConnectionOptions {
  /** The room's URL and the collaborator: the same for all tabs that share. */
  url: string
  sharedBy?: string | undefined
  lastEventId: string
  connect(lastEventId: string, onUpdate: (update: RoomUpdate) => void): RoomLink
  /** Who is where, as this tab knows it. */
  locations(): Location[]
  onUpdate(update: RoomUpdate): void
}

export class SharedConnection implements RoomLink {
  readonly #options: SharedConnectionOptions
  readonly #id = Math.random().toString(36).slice(2)
  readonly #channel: BroadcastChannel
  readonly #lock: LeaderLock
  readonly #peers: PeerTabs
  readonly #recent = new RecentEntries()
  /** The leader's connection. A tab that has just lost the lock keeps its connection for a moment, too. */
  #connection: RoomLink | undefined
  #state: State = {}
  #leaderHeardAt = Date.now()
  #grantedAt = 0
  #askedAt = 0
  #watch: ReturnType<typeof setTimeout> | undefined
  #beat: ReturnType<typeof setInterval> | undefined
  #handOver: ReturnType<typeof setTimeout> | undefined
  readonly #requests = new SlowRequests(() => this.pause())
  #isOpen = false
  #isClosed = false

  constructor(options: SharedConnectionOptions) {
    this.#options = options
    const name = `colocate ${options.url} ${options.sharedBy}`
    this.#channel = new BroadcastChannel(name)
    this.#channel.onmessage = ({ data }) => this.#receive(data)
    this.#peers = new PeerTabs(name)
    this.#lock = new LeaderLock({ name, onLead: () => this.#lead(), onStolen: () => this.#follow() })
  }

  /** Whether this tab knows of another one that shares. */
  get hasPeers(): boolean {
    return this.#peers.size > 0
  }

  /** Asks the browser whether another tab shares. */
  isShared = () => this.#lock.isShared()

  open(): void {
    if (this.#connection) return this.#connection.open()
    if (this.#isOpen) return this.wake()
    this.#isOpen = true
    void this.#peers.join(this.#id).then(() => this.#askLeader())
    this.#lock.queue()
    this.#watchLeader(ANSWER_MS)
  }

  wake(): void {
    if (this.#lock.isHeld) this.#connection?.wake()
    else if (!isHidden()) this.#post({ type: 'seen' })
  }

  /** This tab is hidden now: a visible one may take its place. */
  hide(): void {
    if (this.#lock.isHeld) this.#post({ type: 'hidden' })
  }

  lose = () => this.#connection?.lose()
  pause = () => this.#connection?.pause()
  watch = (answer: Promise<Response>) => this.#requests.watch(answer)
  renew = () => this.#connection?.renew()

  /** The stream goes on until the next leader has one; `isAtOnce`: the page ends. */
  close(isAtOnce = false): void {
    this.#isClosed = true
    const hasSuccessor = this.#connection !== undefined && this.hasPeers
    this.#resign()
    if (isAtOnce || !hasSuccessor) this.#endConnection()
    else this.#endSoon()
  }

  #resign(): void {
    this.#isOpen = false
    this.#peers.leave()
    this.#lock.release()
    clearTimeout(this.#watch)
    clearInterval(this.#beat)
  }

  #lead(): void {
    clearTimeout(this.#watch)
    clearTimeout(this.#handOver)
    this.#beat = setInterval(() => this.#post({ type: 'beat' }), BEAT_MS)
    const { connect, lastEventId } = this.#options
    this.#connection ??= connect(this.#recent.lastEventId || lastEventId, update => this.#onConnection(update))
    this.#connection.open()
  }

  #follow(): void {
    clearInterval(this.#beat)
    this.#endSoon()
    this.#lock.queue()
    this.#leaderHeardAt = Date.now()
    this.#watchLeader(DEAD_MS)
  }

  #endSoon(): void {
    clearTimeout(this.#handOver)
    this.#handOver = setTimeout(() => this.#endConnection(), HAND_OVER_MS)
  }

  #endConnection(): void {
    clearTimeout(this.#handOver)
    this.#connection?.close()
    this.#connection = undefined
    if (this.#isClosed) this.#channel.close()
  }

  #onConnection({ entries = [], ...state }: RoomUpdate): void {
    const after = this.#recent.lastEventId
    const unseen = entries.filter(({ id, event }) => event.type === 'snapshot' || isAbove(id, after))
    if (!this.#lock.isHeld) {
      // This tab no longer leads. Only the leader reports the status.
      if (unseen.length > 0 && !this.#isClosed) this.#deliver(unseen, {})
      return
    }
    if (state.status === 'closed') {
      // Another tab may have a token that is not refused.
      this.#resign()
      this.#endConnection()
    } else {
      const isLive = state.status === 'live' && this.#state.status !== 'live'
      this.#state = { ...this.#state, ...state }
      this.#post({ type: 'entries', after, entries: unseen, state: this.#state })
      if (isLive) this.#post({ type: 'leading' })
    }
    this.#deliver(unseen, state)
  }

  #deliver(entries: Entry[], state: RoomUpdate): void {
    for (const entry of entries) this.#recent.push(entry)
    if (entries.length > 0 || state.status || state.transport) this.#options.onUpdate({ entries, ...state })
  }

  #receive(message: Message): void {
    const { from, to, type } = message
    if (to !== undefined && to !== this.#id) return
    this.#peers.add(from)
    const isLeader = this.#lock.isHeld
    if (type === 'hello') this.#greet(from, message.lastEventId, message.isHidden)
    else if (type === 'seen' && isLeader) this.#yieldTo(from)
    else if (type === 'leading' && !isLeader) this.#endConnection()
    else if (type === 'hidden') this.wake()
    else if (type === 'granted') this.#lock.steal()
    else if (type === 'entries' && !isLeader) this.#hear(message)
    if (type !== 'hello' && type !== 'here' && type !== 'seen') this.#leaderHeardAt = Date.now()
  }

  /** The leader tells a tab what it missed. */
  #greet(from: string, lastEventId: string, isHidden: boolean): void {
    if (!this.#lock.isHeld) return this.#post({ type: 'here', to: from })
    const { lastEventId: id } = this.#recent
    const isAhead = lastEventId !== '' && isAbove(lastEventId, id)
    const snapshot = {
      id,
      event: { type: 'snapshot', reason: 'joined', locations: this.#options.locations() },
    } as const
    const entries = id === '' || isAhead ? [] : (this.#recent.after(lastEventId) ?? [snapshot])
    this.#post({ type: 'entries', to: from, after: lastEventId, entries, state: this.#state })
    if (!isHidden) this.#yieldTo(from)
  }

  /** A hidden leader lets a visible tab take its place. A visible leader checks its own stream instead. */
  #yieldTo(to: string): void {
    if (!isHidden()) return this.#connection?.wake()
    if (Date.now() - this.#grantedAt < HAND_OVER_MS) return
    this.#grantedAt = Date.now()
    this.#post({ type: 'granted', to })
  }

  #hear({ after, entries, state }: Message & { type: 'entries' }): void {
    const { lastEventId } = this.#recent
    const isWhole = entries[0]?.event.type === 'snapshot'
    if (!isWhole && entries.length > 0) {
      if (lastEventId === '' || (after !== lastEventId && isAbove(after, lastEventId))) return this.#askLeader()
    }
    const unseen = isWhole ? entries : entries.filter(({ id }) => isAbove(id, lastEventId))
    this.#state = state
    this.#deliver(unseen, state)
  }

  #askLeader(): void {
    if (Date.now() - this.#askedAt < 1_000) return
    this.#askedAt = Date.now()
    this.#post({ type: 'hello', lastEventId: this.#recent.lastEventId, isHidden: isHidden() })
  }

  #watchLeader(limitMs: number): void {
    clearTimeout(this.#watch)
    const silentMs = Date.now() - this.#leaderHeardAt
    // Not all tabs at the same time.
    const waitMs = Math.max(limitMs - silentMs, 0) + Math.random() * 1_000
    this.#watch = setTimeout(() => {
      if (Date.now() - this.#leaderHeardAt >= limitMs) this.#lock.steal()
      else this.#watchLeader(DEAD_MS)
    }, waitMs)
  }

  #post(message: Draft): void {
    if (this.#channel.onmessage) this.#channel.postMessage({ ...message, from: this.#id })
  }
}
