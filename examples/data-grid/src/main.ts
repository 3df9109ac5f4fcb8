/**
 * Shows in a data grid which cell each collaborator has selected.
 *
 * A collaborator is identified with a row by the row's id and with a column by its id, both in `meta`. Indices are not portable:
 * each collaborator may sort, filter and move columns.
 */
import { type Collaborator, joinRoom, type RoomChange } from '@colocate/client'
import { AllCommunityModule, type CellClassParams, createGrid, ModuleRegistry } from 'ag-grid-community'
import { type Row, rows } from './rows.js'

interface Selection {
  row: string
  column: keyof Row
}

ModuleRegistry.registerModules([AllCommunityModule])

const columns: (keyof Row)[] = ['city', 'country', 'population']
const user = new URLSearchParams(location.search).get('user') ?? undefined
const room = joinRoom<Selection>('grid', { user })

const grid = createGrid<Row>(document.getElementById('grid') as HTMLElement, {
  rowData: rows,
  getRowId: ({ data }) => data.id,
  columnDefs: columns.map(field => ({ field })),
  defaultColDef: {
    cellClassRules: { 'selected-by-others': params => selectorOf(params) !== undefined },
    cellStyle: params => styleOf(selectorOf(params)),
  },
  onCellFocused({ rowIndex, column }) {
    if (rowIndex === null || column === null || typeof column === 'string') return
    const row = grid.getDisplayedRowAtIndex(rowIndex)?.id
    if (row !== undefined) select({ row, column: column.getColId() as keyof Row })
  },
})

/** `x` and `y` are the place in the unsorted data. This page does not read them; clients that show no grid can. */
function select(selection: Selection): void {
  const x = columns.indexOf(selection.column)
  const y = rows.findIndex(({ id }) => id === selection.row)
  room.move({ x, y, meta: selection })
}

function selectorOf({ node, column }: CellClassParams<Row>): Collaborator<Selection> | undefined {
  return room.others.find(({ meta }) => meta?.row === node.id && meta?.column === column.getColId())
}

function styleOf(collaborator: Collaborator<Selection> | undefined): Record<string, string> {
  const { color = 'transparent', name = '' } = collaborator ?? {}
  return { '--collaborator-color': color, '--collaborator-name': JSON.stringify(name) }
}

/** Draws only the rows that a change concerns. */
function draw({ collaborator, previous }: RoomChange<Selection>): void {
  const rowNodes = [collaborator, previous].flatMap(each => (each?.meta && grid.getRowNode(each.meta.row)) ?? [])
  grid.refreshCells({ rowNodes, force: true })
}

room.on('enter', draw)
room.on('move', draw)
room.on('leave', draw)
