/**
 * The demonstration page: a sheet, and the collaborators in it.
 *
 * Connects the page's parts with the client, and shows the client's state.
 */

import { type Collaborator, type ColocateError, joinRoom, type Room, type RoomStatus } from '../client/index.ts'
import { Announcer } from './announcer.ts'
import type { Place } from './cells.ts'
import { placeName } from './cells.ts'
import { byId, prefersReducedMotion } from './elements.ts'
import { Grid } from './grid.ts'
import { Markers } from './markers.ts'
import { perFrame } from './per-frame.ts'
import { Roster } from './roster.ts'
import { copyLinkOnClick, openAsAnotherUser } from './sharing.ts'
import { loadPlace, parseVisit, savePlace } from './visit.ts'

const visit = parseVisit(location.search)
const start = loadPlace(visit)
let here = start
const grid = new Grid(byId('grid'), moveTo)
const markers = new Markers(place => grid.cellAt(place))
const roster = new Roster(byId('roster'), scrollToUser)
const announcer = new Announcer(byId('news'))
/** What the page shows of each collaborator. */
const shown = new Map<string, Collaborator>()
/** Until when the page still shows a collaborator whose page has closed: after a reload it is back at once. */
const lingering = new Map<string, number>()
const LINGER_MS = 1500
const notices: { offline?: string | undefined; move?: string | undefined } = {}
const renderSoon = perFrame(render)
let room: Room | undefined
let wasLive = false

byId('room').textContent = visit.room
copyLinkOnClick(byId('copy'), visit.room)
openAsAnotherUser(byId('second') as HTMLAnchorElement, visit.room)
select(start)
grid.scrollTo(start)
// A tab that was opened in the background, or is prerendered, joins when the user sees it.
if (document.visibilityState === 'visible') join()
else document.addEventListener('visibilitychange', join, { once: true })

function join(): void {
  room = joinRoom(visit.room, {
    // The server may serve the page below a path.
    url: new URL('.', document.baseURI),
    user: visit.user,
    name: visit.name,
    location: here,
  })
  room.subscribe(renderSoon)
  room.on('status', showStatus)
  room.on('leave', ({ collaborator, reason }) => {
    if (reason !== 'closed') return
    lingering.set(collaborator.user, Date.now() + LINGER_MS)
    setTimeout(renderSoon, LINGER_MS)
  })
  room.on('error', ({ detail }) => showNotice('move', `Your move was not published: ${detail}`))
}

/** The user selected a cell: shows it immediately and publishes it. */
function moveTo(place: Place): void {
  select(place)
  room?.move(place)
  const clearNotice = () => showNotice('move', undefined)
  // A refusal is an event of its own.
  room?.settled().then(clearNotice, () => {})
}

function select(place: Place): void {
  here = place
  grid.select(place)
  savePlace(visit, place)
  byId('here').textContent = placeName(place)
}

function render(): void {
  // Until the room's first snapshot is there, the page does not know who else is in the room.
  if (!room || !wasLive) return
  const { self, others } = room
  const me = self?.user
  // An anonymous user has no id before the server's first answer.
  const present = new Map(others.concat(self?.user ? self : []).map(each => [each.user, each]))
  for (const [user, collaborator] of present) {
    if (shown.get(user) === collaborator) continue
    if (!shown.has(user)) announcer.join(collaborator.name)
    markers.set(collaborator, user === me)
    roster.set(collaborator, user === me)
    if (user === me) showSelf(collaborator)
    shown.set(user, collaborator)
  }
  for (const [user, { name }] of shown) {
    if (present.has(user) || (lingering.get(user) ?? 0) > Date.now()) continue
    lingering.delete(user)
    announcer.leave(name)
    markers.remove(user)
    roster.remove(user)
    shown.delete(user)
  }
  markers.stack()
  roster.sort()
  announcer.announce(roster.size)
  byId('count').textContent = String(roster.size)
  byId('alone').hidden = roster.size !== 1 || !me
  document.title = `${roster.size > 1 ? `(${roster.size}) ` : ''}${visit.room} · Colocate`
}

/** Follows the log: another tab or device of the same user may have moved the user. */
function showSelf({ name, ...place }: Collaborator): void {
  byId('me').textContent = name
  if (placeName(place) !== byId('here').textContent) select(place)
}

function scrollToUser(user: string): void {
  const location = shown.get(user)
  const cell = location && grid.cellAt(location)
  if (!cell) return
  const reducedMotion = prefersReducedMotion()
  cell.scrollIntoView({ block: 'center', inline: 'center', behavior: reducedMotion ? 'instant' : 'smooth' })
  if (!reducedMotion) cell.animate([{ backgroundColor: 'var(--flash)' }, {}], { duration: 1200, easing: 'ease-out' })
}

function showStatus(status: RoomStatus, error?: ColocateError): void {
  wasLive ||= status === 'live'
  const element = byId('status')
  const text = status === 'closed' ? 'offline' : status
  element.dataset.status = text
  element.textContent = text
  showNotice('offline', error?.detail)
  renderSoon()
}

/** Each cause has its own text in the notice, so clearing one cause keeps the other's text. */
function showNotice(cause: keyof typeof notices, detail: string | undefined): void {
  notices[cause] = detail
  const text = [notices.offline, notices.move].filter(Boolean).join(' ')
  const notice = byId('notice')
  notice.hidden = text === ''
  if (notice.textContent !== text) notice.textContent = text
}
