/**
 * This instance's subscriptions: one connection, one subscription for each channel that someone follows.
 *
 * Redis forgets a message as soon as it was sent, so after every gap in the connection each follower is told.
 */
import type { Redis } from 'ioredis'
import type { Follower } from '../broker.ts'
import { announcementOf } from './announcement.ts'

interface Channel {
  followers: Set<Follower>
  subscribed: Promise<unknown>
}

export class Subscriptions {
  readonly #redis: Redis
  readonly #channels = new Map<string, Channel>()

  /** `redis` is a connection of its own, with `autoResubscribe: false`. */
  constructor(redis: Redis) {
    this.#redis = redis
    redis.on('message', (channel: string, payload: string) => this.#receive(channel, payload))
    redis.on('ready', () => this.#resubscribe())
  }

  async follow(name: string, follower: Follower): Promise<() => void> {
    const channel = this.#channels.get(name) ?? this.#subscribe(name)
    channel.followers.add(follower)
    const unfollow = () => this.#unfollow(name, channel, follower)
    await channel.subscribed.catch(error => {
      unfollow()
      throw error
    })
    return unfollow
  }

  #subscribe(name: string): Channel {
    const channel = { followers: new Set<Follower>(), subscribed: this.#redis.subscribe(name) }
    this.#channels.set(name, channel)
    return channel
  }

  #unfollow(name: string, channel: Channel, follower: Follower): void {
    channel.followers.delete(follower)
    if (channel.followers.size > 0 || this.#channels.get(name) !== channel) return
    this.#channels.delete(name)
    // A lost connection has no subscriptions left to end.
    this.#redis.unsubscribe(name).catch(() => {})
  }

  #receive(name: string, payload: string): void {
    const followers = this.#channels.get(name)?.followers
    if (!followers) return
    const { after, events } = announcementOf(payload)
    for (const follower of followers) follower.announced(after, events)
  }

  #resubscribe(): void {
    const names = [...this.#channels.keys()]
    if (names.length === 0) return
    const subscribed = this.#redis.subscribe(...names)
    subscribed.then(
      () => {
        for (const name of names)
          for (const follower of this.#channels.get(name)?.followers ?? []) follower.interrupted()
      },
      // Refused or lost: only a new connection gives another chance.
      () => this.#redis.disconnect(true),
    )
  }
}
