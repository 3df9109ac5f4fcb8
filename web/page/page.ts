/**
 * The demonstration page: a sheet, and the collaborators in it.
 *
 * Connects the page's parts with the client.
 */

import { joinRoom, type Room } from '../client/index.ts'
import { Access } from './access.ts'
import { Bots, isBot } from './bots.ts'
import { Budget } from './budget.ts'
import { ConnectionView } from './connection.ts'
import { Controls } from './controls.ts'
import { byId } from './elements.ts'
import { Grid } from './grid.ts'
import { NameBox } from './name-box.ts'
import { NameField } from './name-field.ts'
import { People } from './people.ts'
import { perFrame } from './per-frame.ts'
import { isSameSelection, type Meta, metaOf, type Selection, selectionName, selectionOf } from './selection.ts'
import { copyLinkOnClick, openAsAnotherUser } from './sharing.ts'
import { loadPlace, parseQuery, savePlace, visitOf } from './visit.ts'

/** The server says in the page how it knows users: `open`, `off` (everyone may do everything), or `required`. */
const { auth } = document.documentElement.dataset
/** The server may serve the page below a path. */
const url = new URL('.', document.baseURI)
const query = parseQuery(location.search)
const visit = visitOf(query, auth === 'required')
const isNamedByUrl = query.user !== undefined || query.name !== undefined
const access = new Access()
const root = byId('grid')
const content = new Budget()
// In a crowded sheet a rendering takes longer than a frame. Input and scrolling need the frames between.
const renderSoon = perFrame(render, () => (people.isCrowded ? 2 : 0))
const grid = new Grid(root, content, () => people.refresh())
const controls = new Controls({
  root,
  grid,
  content,
  hintId: 'hint',
  selection: { at: loadPlace(visit), to: undefined, isEditing: false },
  onSelect: publish,
  onEscape: () => people.follower.stop(),
})
const people = new People({ root, grid, scroller: byId('scroller'), renderSoon, onFindSelf: () => grid.focus() })
const nameBox = new NameBox(byId('here') as HTMLInputElement, (from, to) => {
  controls.move(from)
  controls.extend(to)
})
const nameField = new NameField(byId('me') as HTMLInputElement, {
  isNamedByUrl,
  onRename: name => room?.update({ name }),
})
const connection = new ConnectionView(url, () => room?.reconnect())
const bots = auth === 'open' && query.hasBots ? new Bots({ room: visit.room, url }) : undefined
let room: Room<Meta> | undefined
let wasLive = false

byId('room').textContent = visit.room
copyLinkOnClick(byId('copy'), visit.room)
openAsAnotherUser(byId('second') as HTMLAnchorElement, visit.room)
showSelection(controls.selection)
grid.viewport.reveal(controls.selection.at)
for (const type of ['visibilitychange', 'prerenderingchange']) document.addEventListener(type, joinWhenSeen)
joinWhenSeen()

/** A tab that was opened in the background, or is prerendered, joins when the user sees it. */
function joinWhenSeen(): void {
  const { prerendering } = document as Document & { prerendering?: boolean }
  if (!room && !prerendering && document.visibilityState === 'visible') join(access.take(query.token))
}

function join(token: string | undefined): void {
  const { at } = controls.selection
  const joined = joinRoom<Meta>(visit.room, {
    url,
    user: visit.user,
    name: visit.name ?? (isNamedByUrl ? undefined : NameField.stored()),
    location: at,
    token: token && (({ reason }) => (reason === 'start' ? token : access.ask(reason))),
  })
  room = joined
  joined.subscribe(renderSoon)
  joined.on('status', (status, error) => {
    wasLive ||= status === 'live'
    connection.showStatus(status, error)
    renderSoon()
    if (error?.code === 'unauthorized') void access.ask(token ? 'refused' : 'start').then(join)
  })
  joined.on('leave', ({ collaborator, reason }) => {
    if (reason === 'closed' && !isBot(collaborator)) people.linger(collaborator.user)
  })
  joined.on('error', error => connection.showRefusedMove(error))
}

/** The user selected something: shows it immediately and publishes it. */
function publish(selection: Selection): void {
  people.follower.stop()
  showSelection(selection)
  room?.move({ ...selection.at, meta: metaOf(selection) })
  // A refusal is an event of its own.
  room?.settled().then(
    () => connection.showRefusedMove(undefined),
    () => {},
  )
}

function showSelection(selection: Selection): void {
  savePlace(visit, selection.at)
  nameBox.show(selectionName(selection))
  byId('hint').classList.toggle('strong', selection.isEditing)
}

function render(): void {
  // Until the room's first snapshot is there, the page does not know who else is in the room.
  if (!room || !wasLive) return
  const { self, others, transport } = room
  connection.showTransport(transport)
  if (self) {
    nameField.show(self.name)
    // Another tab or device of the same user may have moved the user. Whether it edits makes no difference to this tab.
    const selection = { ...selectionOf(self), isEditing: controls.selection.isEditing }
    if (!isSameSelection(selection, controls.selection)) {
      controls.follow(selection)
      showSelection(selection)
    }
  }
  people.show(room)
  bots?.see(others)
  const isAlone = others.every(isBot)
  byId('alone').hidden = !isAlone || !self?.user
  document.title = `${others.length > 0 ? `(${others.length + 1}) ` : ''}${visit.room} · Colocate`
}
