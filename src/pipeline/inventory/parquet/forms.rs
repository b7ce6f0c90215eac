//! The structures of parquet-format, as far as the reader reads them. What it passes over is not here: key-value metadata of
//! columns and their paths, the total size of a group, statistics in the header of a page.

use super::thrift::{Form, Kind};

static EMPTY: Form = Form { name: "variant without fields", fields: &[] };

pub(super) static FILE_META_DATA: Form = Form {
    name: "FileMetaData",
    fields: &[
        (1, Kind::Int),
        (2, Kind::List(&Kind::Structure(&SCHEMA_ELEMENT))),
        (3, Kind::Long),
        (4, Kind::List(&Kind::Structure(&ROW_GROUP))),
        (5, Kind::List(&Kind::Structure(&KEY_VALUE))),
        (6, Kind::Text),
        (7, Kind::List(&Kind::Structure(&COLUMN_ORDER))),
    ],
};

pub(super) static SCHEMA_ELEMENT: Form = Form {
    name: "SchemaElement",
    fields: &[
        (1, Kind::Int),
        (2, Kind::Int),
        (3, Kind::Int),
        (4, Kind::Text),
        (5, Kind::Int),
        (6, Kind::Int),
        (7, Kind::Int),
        (8, Kind::Int),
        (9, Kind::Int),
        (10, Kind::Structure(&LOGICAL_TYPE)),
    ],
};

static LOGICAL_TYPE: Form = Form {
    name: "LogicalType",
    fields: &[
        (1, Kind::Structure(&EMPTY)),
        (2, Kind::Structure(&EMPTY)),
        (3, Kind::Structure(&EMPTY)),
        (4, Kind::Structure(&EMPTY)),
        (5, Kind::Structure(&DECIMAL)),
        (6, Kind::Structure(&EMPTY)),
        (7, Kind::Structure(&TIME)),
        (8, Kind::Structure(&TIME)),
        (10, Kind::Structure(&INTEGER)),
        (11, Kind::Structure(&EMPTY)),
        (12, Kind::Structure(&EMPTY)),
        (13, Kind::Structure(&EMPTY)),
        (14, Kind::Structure(&EMPTY)),
        (15, Kind::Structure(&EMPTY)),
        (16, Kind::Structure(&VARIANT)),
        (17, Kind::Structure(&GEOMETRY)),
        (18, Kind::Structure(&GEOGRAPHY)),
        (19, Kind::Structure(&EMPTY)),
    ],
};

static DECIMAL: Form = Form { name: "DecimalType", fields: &[(1, Kind::Int), (2, Kind::Int)] };

/// Of a time and of a moment.
static TIME: Form =
    Form { name: "TimestampType", fields: &[(1, Kind::Flag), (2, Kind::Structure(&TIME_UNIT))] };

static TIME_UNIT: Form = Form {
    name: "TimeUnit",
    fields: &[(1, Kind::Structure(&EMPTY)), (2, Kind::Structure(&EMPTY)), (3, Kind::Structure(&EMPTY))],
};

static INTEGER: Form = Form { name: "IntType", fields: &[(1, Kind::Byte), (2, Kind::Flag)] };

static VARIANT: Form = Form { name: "VariantType", fields: &[(1, Kind::Byte)] };

static GEOMETRY: Form = Form { name: "GeometryType", fields: &[(1, Kind::Text)] };

static GEOGRAPHY: Form = Form { name: "GeographyType", fields: &[(1, Kind::Text), (2, Kind::Int)] };

pub(super) static KEY_VALUE: Form = Form { name: "KeyValue", fields: &[(1, Kind::Text), (2, Kind::Text)] };

static COLUMN_ORDER: Form = Form {
    name: "ColumnOrder",
    fields: &[(1, Kind::Structure(&EMPTY)), (2, Kind::Structure(&EMPTY)), (3, Kind::Structure(&EMPTY))],
};

pub(super) static ROW_GROUP: Form = Form {
    name: "RowGroup",
    fields: &[
        (1, Kind::List(&Kind::Structure(&COLUMN_CHUNK))),
        (2, Kind::Long),
        (3, Kind::Long),
        (4, Kind::List(&Kind::Structure(&SORTING_COLUMN))),
        (5, Kind::Long),
        (7, Kind::Short),
    ],
};

static SORTING_COLUMN: Form =
    Form { name: "SortingColumn", fields: &[(1, Kind::Int), (2, Kind::Flag), (3, Kind::Flag)] };

pub(super) static COLUMN_CHUNK: Form = Form {
    name: "ColumnChunk",
    fields: &[
        (1, Kind::Text),
        (2, Kind::Long),
        (3, Kind::Structure(&COLUMN_META_DATA)),
        (4, Kind::Long),
        (5, Kind::Int),
        (6, Kind::Long),
        (7, Kind::Int),
    ],
};

static COLUMN_META_DATA: Form = Form {
    name: "ColumnMetaData",
    fields: &[
        (1, Kind::Int),
        (2, Kind::List(&Kind::Int)),
        (4, Kind::Int),
        (5, Kind::Long),
        (6, Kind::Long),
        (7, Kind::Long),
        (9, Kind::Long),
        (10, Kind::Long),
        (11, Kind::Long),
        (12, Kind::Structure(&STATISTICS)),
        (13, Kind::List(&Kind::Structure(&PAGE_ENCODING_STATS))),
        (14, Kind::Long),
        (15, Kind::Int),
        (16, Kind::Structure(&SIZE_STATISTICS)),
        (17, Kind::Structure(&GEOSPATIAL_STATISTICS)),
    ],
};

static STATISTICS: Form = Form {
    name: "Statistics",
    fields: &[
        (1, Kind::Text),
        (2, Kind::Text),
        (3, Kind::Long),
        (4, Kind::Long),
        (5, Kind::Text),
        (6, Kind::Text),
        (7, Kind::Flag),
        (8, Kind::Flag),
        (9, Kind::Long),
    ],
};

static PAGE_ENCODING_STATS: Form =
    Form { name: "PageEncodingStats", fields: &[(1, Kind::Int), (2, Kind::Int), (3, Kind::Int)] };

static SIZE_STATISTICS: Form = Form {
    name: "SizeStatistics",
    fields: &[(1, Kind::Long), (2, Kind::List(&Kind::Long)), (3, Kind::List(&Kind::Long))],
};

static GEOSPATIAL_STATISTICS: Form = Form {
    name: "GeospatialStatistics",
    fields: &[(1, Kind::Structure(&BOUNDING_BOX)), (2, Kind::List(&Kind::Int))],
};

static BOUNDING_BOX: Form = Form {
    name: "BoundingBox",
    fields: &[
        (1, Kind::Double),
        (2, Kind::Double),
        (3, Kind::Double),
        (4, Kind::Double),
        (5, Kind::Double),
        (6, Kind::Double),
        (7, Kind::Double),
        (8, Kind::Double),
    ],
};

pub(super) static PAGE_HEADER: Form = Form {
    name: "PageHeader",
    fields: &[
        (1, Kind::Int),
        (2, Kind::Int),
        (3, Kind::Int),
        (4, Kind::Int),
        (5, Kind::Structure(&DATA_PAGE_HEADER)),
        (6, Kind::Structure(&INDEX_PAGE_HEADER)),
        (7, Kind::Structure(&DICTIONARY_PAGE_HEADER)),
        (8, Kind::Structure(&DATA_PAGE_HEADER_V2)),
    ],
};

static DATA_PAGE_HEADER: Form = Form {
    name: "DataPageHeader",
    fields: &[(1, Kind::Int), (2, Kind::Int), (3, Kind::Int), (4, Kind::Int)],
};

static INDEX_PAGE_HEADER: Form = Form { name: "IndexPageHeader", fields: &[] };

pub(super) static DICTIONARY_PAGE_HEADER: Form =
    Form { name: "DictionaryPageHeader", fields: &[(1, Kind::Int), (2, Kind::Int), (3, Kind::Flag)] };

pub(super) static DATA_PAGE_HEADER_V2: Form = Form {
    name: "DataPageHeaderV2",
    fields: &[
        (1, Kind::Int),
        (2, Kind::Int),
        (3, Kind::Int),
        (4, Kind::Int),
        (5, Kind::Int),
        (6, Kind::Int),
        (7, Kind::Flag),
    ],
};
