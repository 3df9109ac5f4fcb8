export interface Row {
  id: string
  city: string
  country: string
  population: number
}

/** Inhabitants in thousands, rounded. */
export const rows: Row[] = [
  { id: 'ber', city: 'Berlin', country: 'Germany', population: 3700 },
  { id: 'lis', city: 'Lisbon', country: 'Portugal', population: 550 },
  { id: 'osl', city: 'Oslo', country: 'Norway', population: 720 },
  { id: 'par', city: 'Paris', country: 'France', population: 2100 },
  { id: 'vie', city: 'Vienna', country: 'Austria', population: 2000 },
  { id: 'zrh', city: 'Zurich', country: 'Switzerland', population: 450 },
]
