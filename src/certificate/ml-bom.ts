/**
 * A CycloneDX 1.6 ML-BOM of what is declared of a model. In: declarations. Out: the BOM as plain JSON. Pure.
 * The library makes BOM, components, licences, hashes and references. It has no model of pedigree, model card and data yet; these are
 * added here in the words of the schema (definitions component.pedigree, modelCard and componentData of bom-1.6.schema.json).
 */
import { createHash } from 'node:crypto';
import { ComponentType, ExternalReferenceType, HashAlgorithm, LicenseAcknowledgement } from '@cyclonedx/cyclonedx-library/Enums';
import {
  Bom, Component, ComponentRepository, ExternalReference, ExternalReferenceRepository, HashDictionary, LicenseRepository, Metadata, NamedLicense,
  OrganizationalEntity, Property, PropertyRepository, SpdxLicense, Tools,
} from '@cyclonedx/cyclonedx-library/Models';
import { JSON as BomJson } from '@cyclonedx/cyclonedx-library/Serialize';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import { canonicalJson } from './canonical.js';
import type { Declared, DeclaredDataset, DeclaredRelative } from './declared-schema.js';
import { RELATION } from './relation.js';

/** The property of the BOM that says how far it is to be believed. */
const STATUS = 'weightseq:status';

/** Plain JSON. */
export type Plain = Readonly<Record<string, unknown>>;

const factory = new BomJson.Normalize.Factory(Spec1dot6);
const inOrder = { sortLists: false };

/**
 * The BOM of what is declared, the same for the same declarations, version and date.
 * @param toolVersion of this program
 */
export function mlBom({ model, pedigree, modelCard, datasets = [] }: Declared, toolVersion: string, date: Date): Plain {
  const described = component(ComponentType.MachineLearningModel, model, 'model');
  if (model.supplier) described.supplier = new OrganizationalEntity({ name: model.supplier.name, url: new Set(model.supplier.url === undefined ? [] : [model.supplier.url]) });
  const tool = new Component(ComponentType.Application, 'weightseq', { version: toolVersion });
  const bom = new Bom({
    metadata: new Metadata({
      timestamp: date, component: described, tools: new Tools({ components: new ComponentRepository([tool]) }),
      properties: new PropertyRepository([new Property(STATUS, 'declared, not verified')]),
    }),
    components: new ComponentRepository(datasets.map((dataset, i) => dataComponent(dataset, refOf(i)))),
  });
  // The library leaves what is absent as undefined.
  const made = plain(factory.makeForBom().normalize(bom, inOrder));
  const metadata = made['metadata'] as Plain;
  const whole = {
    ...made,
    metadata: {
      ...metadata,
      component: {
        ...metadata['component'] as Plain,
        ...(model.authors ? { authors: model.authors } : {}),
        ...(pedigree ? { pedigree: pedigreeOf(pedigree) } : {}),
        ...(modelCard ?? datasets.length > 0 ? { modelCard: cardOf(modelCard, datasets.length) } : {}),
      },
    },
    components: (made['components'] as Plain[]).map((made, i) => ({ ...made, data: datasets.slice(i, i + 1).map(dataOf) })),
  };
  return plain({ ...whole, serialNumber: serialOf(whole) });
}

function plain(value: object): Plain {
  return JSON.parse(JSON.stringify(value)) as Plain;
}

/** A UUID of version 8 (RFC 9562) from what is numbered: the same BOM has the same number. */
function serialOf(bom: object): string {
  const bytes = createHash('sha256').update(canonicalJson(bom)).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return `urn:uuid:${bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/u, '$1-$2-$3-$4-')}`;
}

function refOf(dataset: number): string {
  return `dataset-${dataset + 1}`;
}

type Described = Pick<DeclaredRelative, 'name' | 'version' | 'description' | 'licenses' | 'url' | 'sha256'>;

function component(type: ComponentType, { name, version, description, licenses = [], url, sha256 }: Described, bomRef?: string): Component {
  return new Component(type, name, {
    ...(bomRef === undefined ? {} : { bomRef }),
    ...(version === undefined ? {} : { version }),
    ...(description === undefined ? {} : { description }),
    licenses: new LicenseRepository(licenses.map(({ id, name: other, url: text }) => {
      const more = { acknowledgement: LicenseAcknowledgement.Declared, ...(text === undefined ? {} : { url: text }) };
      return id === undefined ? new NamedLicense(other ?? '', more) : new SpdxLicense(id, more);
    })),
    hashes: new HashDictionary(sha256 === undefined ? [] : [[HashAlgorithm['SHA-256'], sha256]]),
    externalReferences: new ExternalReferenceRepository(url === undefined ? [] : [new ExternalReference(url, ExternalReferenceType.Distribution)]),
  });
}

function pedigreeOf({ ancestors, variants, notes }: NonNullable<Declared['pedigree']>): Plain {
  return { ...(ancestors ? { ancestors: ancestors.map(relativeOf) } : {}), ...(variants ? { variants: variants.map(relativeOf) } : {}), ...(notes === undefined ? {} : { notes }) };
}

function relativeOf(relative: DeclaredRelative): Plain {
  const made = component(ComponentType.MachineLearningModel, relative);
  if (relative.relation !== undefined) made.properties = new PropertyRepository([new Property(RELATION, relative.relation)]);
  return plain(factory.makeForComponent().normalize(made, inOrder) ?? {});
}

function dataComponent(dataset: DeclaredDataset, ref: string): Component {
  const made = component(ComponentType.Data, dataset, ref);
  if (dataset.use !== undefined) made.properties = new PropertyRepository([new Property('weightseq:use', dataset.use)]);
  return made;
}

function dataOf({ name, description, url, classification, sensitiveData, owners }: DeclaredDataset): Plain {
  return {
    type: 'dataset', name, description, classification, sensitiveData,
    ...(url === undefined ? {} : { contents: { url } }),
    ...(owners ? { governance: { owners: owners.map(({ name: owner, url: at }) => ({ organization: { name: owner, ...(at === undefined ? {} : { url: [at] }) } })) } } : {}),
  };
}

/** Figures are text in CycloneDX. */
function cardOf(card: Declared['modelCard'], datasets: number): Plain {
  const { modelParameters, quantitativeAnalysis, considerations } = card ?? {};
  const metrics = quantitativeAnalysis?.performanceMetrics.map(({ value, confidenceInterval: range, ...metric }) => ({
    ...metric, value: String(value),
    ...(range ? { confidenceInterval: { lowerBound: String(range.lowerBound), upperBound: String(range.upperBound) } } : {}),
  }));
  return {
    modelParameters: { ...modelParameters, ...(datasets > 0 ? { datasets: Array.from({ length: datasets }, (_, i) => ({ ref: refOf(i) })) } : {}) },
    ...(metrics ? { quantitativeAnalysis: { performanceMetrics: metrics } } : {}),
    ...(considerations ? { considerations } : {}),
  };
}
