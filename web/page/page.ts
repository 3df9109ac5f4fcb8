/**
 * The demonstration page: a sheet, and the collaborators in it.
 *
 * Connects the page's parts with the client, and shows the client's state.
 */

import type { Status } from '../client/index.ts'
import { Client, isRoom } from '../client/index.ts'
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
const grid = new Grid(byId('grid'), moveTo)
const markers = new Markers(place => grid.cellAt(place))
const roster = new Roster(byId('roster'), scrollToUser)
const announcer = new Announcer(byId('news'))
const changedUsers = new Set<string>()
const notices: { offline?: string | undefined; move?: string | undefined } = {}
const renderSoon = perFrame(render)
let client: Client | undefined

byId('room').textContent = visit.room
copyLinkOnClick(byId('copy'), visit.room)
openAsAnotherUser(byId('second') as HTMLAnchorElement, visit.room)
select(start)
grid.scrollTo(start)
if (isRoom(visit.room)) client = join()
else showStatus('offline', `“${visit.room}” is not a valid room name.`)

function join(): Client {
  return new Client({
    room: visit.room,
    user: visit.user,
    // The server may serve the page below a path.
    base: new URL('.', document.baseURI).href.replace(/\/$/, ''),
    where: updateFor(start),
    onChange(users) {
      for (const user of users) changedUsers.add(user)
      renderSoon()
    },
    onStatus: (status, refusal) => showStatus(status, refusal?.detail),
    onPublished: refusal => showNotice('move', refusal && `Your move was not published: ${refusal.detail}`),
  })
}

function updateFor({ x, y }: Place) {
  return { name: visit.name, x, y }
}

/** The user selected a cell: shows it immediately and publishes it. */
function moveTo(place: Place): void {
  select(place)
  client?.publish(updateFor(place))
}

function select(place: Place): void {
  grid.select(place)
  savePlace(visit, place)
  byId('here').textContent = placeName(place)
}

function render(): void {
  const me = client?.me
  for (const user of changedUsers) {
    const location = client?.where(user)
    const before = roster.nameOf(user)
    if (location) {
      if (before === undefined) announcer.join(location.name)
      markers.set(location, user === me)
      roster.set(location, user === me)
      if (user === me) showSelf(location.name, location)
    } else if (before !== undefined) {
      announcer.leave(before)
      markers.remove(user)
      roster.remove(user)
    }
  }
  changedUsers.clear()
  markers.stack()
  roster.sort()
  announcer.announce(roster.size)
  byId('count').textContent = String(roster.size)
  byId('alone').hidden = roster.size !== 1 || me === undefined
  document.title = `${roster.size > 1 ? `(${roster.size}) ` : ''}${visit.room} · Colocate`
}

/** Follows the log: another tab or device of the same user may have moved the user. */
function showSelf(name: string, place: Place): void {
  byId('me').textContent = name
  if (placeName(place) !== byId('here').textContent) select(place)
}

function scrollToUser(user: string): void {
  const location = client?.where(user)
  const cell = location && grid.cellAt(location)
  if (!cell) return
  const reducedMotion = prefersReducedMotion()
  cell.scrollIntoView({ block: 'center', inline: 'center', behavior: reducedMotion ? 'instant' : 'smooth' })
  if (!reducedMotion) cell.animate([{ backgroundColor: 'var(--flash)' }, {}], { duration: 1200, easing: 'ease-out' })
}

function showStatus(status: Status, detail?: string): void {
  const element = byId('status')
  element.dataset.status = status
  element.textContent = status
  showNotice('offline', detail)
}

/** Each cause has its own text in the notice, so clearing one cause keeps the other's text. */
function showNotice(cause: keyof typeof notices, detail: string | undefined): void {
  notices[cause] = detail
  const text = [notices.offline, notices.move].filter(Boolean).join(' ')
  const notice = byId('notice')
  notice.hidden = text === ''
  if (notice.textContent !== text) notice.textContent = text
}
