/**
 * What a collaborator has selected: a cell or a range, and whether they edit. `meta` of a location carries it. Other
 * clients may send any `meta`.
 */
import type { Collaborator } from '../client/index.ts'
import { type Area, areaName, areaOf, cellOf, clampToSheet, isSamePlace, type Place, placeName } from './cells.ts'

/** A type instead of an interface, so that it is also a record. */
export type Meta = {
  /** The corner of the range that is opposite to the location. */
  to?: Place
  editing?: boolean
}

export interface Selection {
  at: Place
  /** The opposite corner of a range; undefined for a single cell. */
  to: Place | undefined
  isEditing: boolean
}

export function selectionOf({ x, y, meta }: Pick<Collaborator, 'x' | 'y' | 'meta'>): Selection {
  const { to, editing } = (meta ?? {}) as { to?: Partial<Place> | null; editing?: unknown }
  const corner = Number.isFinite(to?.x) && Number.isFinite(to?.y) ? clampToSheet(to as Place) : undefined
  const at = { x, y }
  return { at, to: isSamePlace(corner, cellOf(at)) ? undefined : corner, isEditing: editing === true }
}

/** `null` removes the `meta` of the location before. */
export function metaOf({ to, isEditing }: Selection): Meta | null {
  return to || isEditing ? { ...(to && { to }), ...(isEditing && { editing: true }) } : null
}

/** The cells of a selection; undefined if its location is outside the sheet. */
export function selectedArea({ at, to }: Selection): Area | undefined {
  const cell = cellOf(at)
  return cell && areaOf(cell, to ?? cell)
}

export function selectionName(selection: Selection): string {
  const area = selectedArea(selection)
  return area && selection.to ? areaName(area) : placeName(selection.at)
}

export const isSameSelection = (a: Selection, b: Selection) =>
  isSamePlace(a.at, b.at) && isSamePlace(a.to, b.to) && a.isEditing === b.isEditing
