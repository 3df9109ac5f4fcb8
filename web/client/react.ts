/**
 * `@colocate/client/react`: a room as a component and hooks, for React 18 and 19.
 */
import {
  createContext,
  createElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { type Collaborator, joinRoom, type Move, type Room, type RoomListeners, type RoomOptions } from './index.ts'

type AnyMeta = Record<string, unknown>

export interface RoomProviderProps<Meta extends object = AnyMeta> extends RoomOptions<Meta> {
  /** The room's name. Another name leaves the room and joins the other. */
  room: string
  children?: ReactNode
}

export interface RoomContext<Meta extends object> {
  /** Joins when it is mounted, and leaves when it is unmounted. */
  RoomProvider(props: RoomProviderProps<Meta>): ReactNode
  /** `null` on a server, and until the provider is mounted. */
  useRoom(): Room<Meta> | null
  useSelf(): Collaborator<Meta> | undefined
  useOthers(): readonly Collaborator<Meta>[]
  /** Renders again only when what `selector` returns is different; `isEqual` compares shallowly by default. */
  useOthers<Selected>(
    selector: (others: readonly Collaborator<Meta>[]) => Selected,
    isEqual?: (a: Selected, b: Selected) => boolean,
  ): Selected
  /** A function that stays the same. */
  useMove(): (move: Move<Meta>) => void
  useStatus(): Room<Meta>['status']
  /** Calls the latest `handler` for the room's events, while the component is mounted. */
  useRoomEvent<Type extends keyof RoomListeners<Meta>>(type: Type, handler: RoomListeners<Meta>[Type]): void
}

const noOthers: readonly never[] = Object.freeze([])
const doNothing = () => () => {}

/** Returns the provider and the hooks, typed with the application's `meta`. */
export function createRoomContext<Meta extends object = AnyMeta>(): RoomContext<Meta> {
  const Context = createContext<Room<Meta> | null>(null)
  type Others = readonly Collaborator<Meta>[]

  function RoomProvider({ room: name, children, ...options }: RoomProviderProps<Meta>): ReactNode {
    const [room, setRoom] = useState<Room<Meta> | null>(null)
    const latest = useLatest(options)
    const { url, user, name: displayName, color, movesPerSecond, shareStream, credentials, signal, token } = options
    const server = url?.toString()
    // A function is asked for each token: another function is no other room.
    const fixedToken = typeof token === 'string' ? token : token !== undefined
    // biome-ignore lint/correctness/useExhaustiveDependencies: these options are what makes it another room
    useEffect(() => {
      const { token, ...rest } = latest.current
      const askLatest: typeof token = request => {
        const current = latest.current.token
        return typeof current === 'function' ? current(request) : (current ?? '')
      }
      const joined = joinRoom<Meta>(name, { ...rest, token: typeof token === 'function' ? askLatest : token })
      setRoom(joined)
      return () => {
        void joined.leave()
      }
    }, [name, server, user, movesPerSecond, shareStream, credentials, signal, fixedToken])
    useEffect(() => room?.update({ name: displayName, color }), [room, displayName, color])
    // After a change of rooms the old one is closed: it is not shown for another render.
    return createElement(Context.Provider, { value: room?.name === name ? room : null }, children)
  }

  const useRoom = () => useContext(Context)
  const useSelf = () => useRoomState<Meta, Collaborator<Meta> | undefined>(useRoom(), readSelf, undefined)
  const useStatus = () => useRoomState<Meta, Room<Meta>['status']>(useRoom(), readStatus, 'connecting')
  const useMove = () => useMoveOf(useRoom())
  const useOthers = <Selected = Others>(
    selector: (others: Others) => Selected = all as never,
    isEqual: (a: Selected, b: Selected) => boolean = isShallowEqual,
  ) => useSelected(useRoom(), selector, isEqual)
  const useRoomEvent: RoomContext<Meta>['useRoomEvent'] = (type, handler) => useEventOf(useRoom(), type, handler)
  return { RoomProvider, useRoom, useSelf, useOthers, useMove, useStatus, useRoomEvent }
}

export const { RoomProvider, useRoom, useSelf, useOthers, useMove, useStatus, useRoomEvent } = createRoomContext()

const all = <T>(value: T): T => value
const readSelf = <Meta extends object>(room: Room<Meta>) => room.self
const readStatus = <Meta extends object>(room: Room<Meta>) => room.status

function useRoomState<Meta extends object, State>(
  room: Room<Meta> | null,
  read: (room: Room<Meta>) => State,
  initial: State,
): State {
  const getState = () => (room ? read(room) : initial)
  return useSyncExternalStore(room?.subscribe ?? doNothing, getState, () => initial)
}

function useSelected<Meta extends object, Selected>(
  room: Room<Meta> | null,
  selector: (others: readonly Collaborator<Meta>[]) => Selected,
  isEqual: (a: Selected, b: Selected) => boolean,
): Selected {
  const selected = useRef<{ others: unknown; selector: unknown; value: Selected } | undefined>(undefined)
  const select = (others: readonly Collaborator<Meta>[]): Selected => {
    const last = selected.current
    if (last?.others === others && last.selector === selector) return last.value
    const value = selector(others)
    const kept = last && isEqual(last.value, value) ? last.value : value
    selected.current = { others, selector, value: kept }
    return kept
  }
  const getSelected = () => select(room?.others ?? noOthers)
  return useSyncExternalStore(room?.subscribe ?? doNothing, getSelected, () => select(noOthers))
}

function useMoveOf<Meta extends object>(room: Room<Meta> | null): (move: Move<Meta>) => void {
  return useCallback((move: Move<Meta>) => room?.move(move), [room])
}

function useEventOf<Meta extends object, Type extends keyof RoomListeners<Meta>>(
  room: Room<Meta> | null,
  type: Type,
  handler: RoomListeners<Meta>[Type],
): void {
  const latest = useLatest(handler)
  useEffect(() => {
    const listener = (...args: never[]) => (latest.current as (...args: never[]) => void)(...args)
    return room?.on(type, listener as RoomListeners<Meta>[Type])
  }, [room, type, latest])
}

function useLatest<T>(value: T): { current: T } {
  const ref = useRef(value)
  useEffect(() => {
    ref.current = value
  })
  return ref
}

/** Arrays and plain objects are equal when their elements are. */
function isShallowEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b) || a instanceof Map || a instanceof Set) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every(key => Object.hasOwn(b, key) && Object.is(a[key as never], b[key as never]))
  )
}
