/**
 * A React application in StrictMode that the tests open in a browser: it counts how often each of its components renders.
 */
import { createElement as h, StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import {
  createRoomContext,
  RoomProvider,
  useMove,
  useOthers,
  useRoom,
  useRoomEvent,
  useSelf,
  useStatus,
} from '../../../web/client/react.ts'

const renders: Record<string, number> = {}
const events: string[] = []
const count = (name: string) => {
  renders[name] = (renders[name] ?? 0) + 1
}
const show = (name: string, value: unknown) => h('p', { id: name }, JSON.stringify(value ?? null))

const typed = createRoomContext<{ editing: boolean }>()
const setters: { setRoom?: (room: string | undefined) => void; setName?: (name: string) => void } = {}
let moves = new Set<unknown>()

function Users() {
  count('users')
  return show(
    'users',
    useOthers(others => others.map(({ user }) => user)),
  )
}

function Positions() {
  count('positions')
  return show(
    'positions',
    useOthers().map(({ user, x }) => `${user} ${x}`),
  )
}

function Self() {
  count('self')
  const self = useSelf()
  const move = useMove()
  moves.add(move)
  useRoomEvent('enter', ({ collaborator }) => events.push(collaborator.user))
  return h(
    'button',
    { type: 'button', id: 'self', onClick: () => move({ x: (self?.x ?? 0) + 1 }) },
    `${self?.name} ${self?.x}`,
  )
}

function Status() {
  count('status')
  const room = useRoom()
  return show('status', `${room?.name ?? null} ${useStatus()}`)
}

function App() {
  const [room, setRoom] = useState<string | undefined>(new URLSearchParams(location.search).get('room') ?? 'react')
  const [name, setName] = useState('Alice')
  Object.assign(setters, { setRoom, setName })
  if (room === undefined) return show('none', true)
  const options = { room, user: 'alice', name, location: { x: 0, y: 0 } }
  // A function that is another one at each render is no reason to join again.
  return h(RoomProvider, { ...options, signal: undefined }, h(Users), h(Positions), h(Self), h(Status))
}

Object.assign(globalThis, {
  renders,
  events,
  setters,
  typed,
  moves: () => moves.size,
  reset: () => {
    for (const name of Object.keys(renders)) renders[name] = 0
    moves = new Set()
  },
})
createRoot(document.getElementById('root') as HTMLElement).render(h(StrictMode, null, h(App)))
